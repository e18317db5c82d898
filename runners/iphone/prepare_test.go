package iphone_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
)

const arrest = "com.apple.mobile.house_arrest"

func TestPrepareDoesOnlyWhatIsNeeded(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	one, two, small, large := testBuild(t, "one"), testBuild(t, "two"), testModel(t, 3000), testModel(t, 5_000_000)
	steps := map[string]bool{}
	prepare := func(build harness.Build, model harness.Model) harness.Prepared {
		t.Helper()
		done, err := s.Prepare(t.Context(), build, model, func(p harness.Progress) { steps[p.Step] = true })
		if err != nil {
			t.Fatal(err)
		}
		done.PushSeconds = 0
		return done
	}
	check := func(what string, got, want harness.Prepared) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
	}
	check("a new phone", prepare(one, small), harness.Prepared{BuildInstalled: true, ModelPushed: true, FirstEver: true, PushedBytes: 3012})
	check("again", prepare(one, small), harness.Prepared{FirstEver: true})
	if _, err := s.Run(t.Context(), task("s1", one, small), newRecord()); err != nil {
		t.Fatal(err)
	}
	check("after a launch", prepare(one, small), harness.Prepared{})
	check("another model", prepare(one, large), harness.Prepared{ModelPushed: true, FirstEver: true, PushedBytes: 5_000_012})
	check("another build keeps the models", prepare(two, small), harness.Prepared{BuildInstalled: true, FirstEver: true})
	check("the first build again", prepare(one, small), harness.Prepared{BuildInstalled: true, FirstEver: true})
	if !steps["installing app"] || !steps["copying model"] || !steps["verifying model"] {
		t.Errorf("steps told: %v", steps)
	}
	weights := filepath.Join(container(t, p), "Documents/bench/models", large.Hash, "model.mlpackage/weights/weight.bin")
	got, err := os.ReadFile(weights)
	want, _ := os.ReadFile(filepath.Join(large.Path, "model.mlpackage/weights/weight.bin"))
	if err != nil || string(got) != string(want) {
		t.Errorf("the phone has other weights: %d bytes, %v", len(got), err)
	}
}

// TestABuildThatSomeoneElseInstalledIsNoticed: same version, same marker, another bundleID.
func TestABuildThatSomeoneElseInstalledIsNoticed(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	one, other, model := testBuild(t, "one"), testBuild(t, "other"), testModel(t, 100)
	first := b.open(b.device(0))
	if _, err := first.Prepare(t.Context(), one, model, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.InstallForTest(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if done, err := first.Prepare(t.Context(), one, model, nil); err != nil || !done.BuildInstalled {
		t.Errorf("Prepare = %+v, %v; want the build installed again", done, err)
	}
}

func TestAModelCopyGoesOnAfterABreak(t *testing.T) {
	for _, fault := range []faults.Kind{faults.Drop, faults.Detach} {
		t.Run(string(fault), func(t *testing.T) {
			b := newBench(t)
			p := b.phone("", virtualiphone.PhoneOptions{})
			s := b.open(b.device(0))
			build := testBuild(t, "")
			if _, err := s.Prepare(t.Context(), build, testModel(t, 10), nil); err != nil {
				t.Fatal(err)
			}
			s.Close() // the fault is for the next connection
			if err := p.SetFault(faults.Fault{Service: arrest, Kind: fault, AfterBytes: 9 << 20, Times: 1}); err != nil {
				t.Fatal(err)
			}
			model := testModel(t, 24<<20)
			if fault == faults.Detach {
				go b.replug(p)
			}
			done, err := s.Prepare(t.Context(), build, model, nil)
			if err != nil || !done.ModelPushed {
				t.Fatalf("Prepare = %+v, %v", done, err)
			}
			if done.PushedBytes > model.SizeBytes+(1<<20) { // what was on its way at the break is not acknowledged
				t.Errorf("%d bytes were sent for a model of %d: the copy began anew", done.PushedBytes, model.SizeBytes)
			}
		})
	}
}

// replug plugs the phone in again as soon as its cable has been pulled.
func (b *bench) replug(p *virtualiphone.Phone) {
	b.runner.Watch(b.t.Context(), func(e iphone.Event) {
		if !e.Attached {
			if err := p.Attach(); err != nil {
				b.t.Error(err)
			}
		}
	})
}

func TestAModelThatDiffersOnThePhone(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	build, model := testBuild(t, ""), testModel(t, 200_000)
	if _, err := s.Prepare(t.Context(), build, testModel(t, 10), nil); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(container(t, p), "Documents/bench/models", model.Hash, "model.mlpackage/weights/weight.bin")
	if err := os.MkdirAll(filepath.Dir(weights), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(weights, []byte("the beginning of something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), build, model, nil); err == nil || !strings.Contains(err.Error(), "weight.bin differs") {
		t.Fatalf("Prepare = %v, want the damage named", err)
	}
	if done, err := s.Prepare(t.Context(), build, model, nil); err != nil || !done.ModelPushed {
		t.Errorf("the next Prepare = %+v, %v", done, err)
	}
}

func TestDiskFull(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	build := testBuild(t, "")
	if _, err := s.Prepare(t.Context(), build, testModel(t, 10), nil); err != nil {
		t.Fatal(err)
	}
	full := func(what string, err error) {
		t.Helper()
		if harness.KindOf(err) != harness.KindStorage || !strings.Contains(err.Error(), "iPhone 15 (virtual)") || harness.HintOf(err) == "" {
			t.Errorf("%s: kind %s, %v", what, harness.KindOf(err), err)
		}
	}
	p.SetFreeDisk(1 << 20)
	_, err := s.Prepare(t.Context(), build, testModel(t, 5_000_000), nil)
	full("before the copy", err)
	if err == nil || !strings.Contains(err.Error(), "are needed") {
		t.Errorf("error %v does not say how much is missing", err)
	}
	p.SetFreeDisk(1 << 30)
	large := testModel(t, 40<<20)
	_, err = s.Prepare(t.Context(), build, large, func(step harness.Progress) {
		if step.Step == "copying model" && step.Done < 10<<20 {
			p.SetFreeDisk(1 << 20) // something else fills the phone meanwhile
		}
	})
	full("during the copy", err)
	p.SetFreeDisk(1 << 30)
	if done, err := s.Prepare(t.Context(), build, large, nil); err != nil || done.PushedBytes >= 40<<20 {
		t.Errorf("after room was made: %+v, %v; want the copy to go on", done, err)
	}
}

// TestWhatIsWrongWithTheBuild: each mistake ends in one message with the phone's name, the kind build, and a next step.
func TestWhatIsWrongWithTheBuild(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	model := testModel(t, 10)
	torn := testBuild(t, "")
	if err := os.WriteFile(torn.Path, []byte("no zip"), 0o644); err != nil {
		t.Fatal(err)
	}
	changed := testBuild(t, "")
	changed.Hash = strings.Repeat("0", 64)
	other := testBuild(t, "")
	other.BundleID = "org.other"
	cases := map[string]struct {
		build harness.Build
		want  string
	}{
		"missing":     {harness.Build{Path: "/nowhere/x.ipa", BundleID: bundleID, Hash: "x"}, "no such file"},
		"torn":        {torn, "not a zip archive"},
		"changed":     {changed, "SHA-256"},
		"other app":   {other, "org.other"},
		"simulator":   {testBuild(t, "", func(i map[string]any) { i["CFBundleSupportedPlatforms"] = []string{"iPhoneSimulator"} }), "simulator"},
		"too new":     {testBuild(t, "", func(i map[string]any) { i["MinimumOSVersion"] = "19.1" }), "needs iOS 19.1"},
		"no platform": {testBuild(t, "", func(i map[string]any) { i["CFBundleExecutable"] = "salt" }), "ApplicationVerificationFailed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := s.Prepare(t.Context(), c.build, model, nil)
			var known *harness.Error
			if !errors.As(err, &known) || known.Kind != harness.KindBuild || !strings.Contains(err.Error(), c.want) || !strings.Contains(known.Device, "iPhone 15") || known.Hint == "" {
				t.Errorf("Prepare = %v (%+v), want %q", err, known, c.want)
			}
		})
	}
	for name, model := range map[string]harness.Model{"missing": {Hash: "aabb", Path: "/nowhere"}, "empty": {Hash: "aabb", Path: t.TempDir()}, "no hash": {Path: model.Path}, "hash is a path": {Hash: "../../x", Path: model.Path}} {
		t.Run("model "+name, func(t *testing.T) {
			if _, err := s.Prepare(t.Context(), testBuild(t, ""), model, nil); harness.KindOf(err) != harness.KindModel || harness.HintOf(err) == "" {
				t.Errorf("Prepare = %v, kind %s", err, harness.KindOf(err))
			}
		})
	}
}

// mistrusted adds a phone with these options, which trusts this host only if they say so.
func (b *bench) mistrusted(os string, o virtualiphone.PhoneOptions) {
	b.t.Helper()
	o.Detached = true
	p := b.phone(os, o)
	if o.Trust != "" {
		if err := p.Forget(); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := p.Attach(); err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatIsWrongWithThePhone: each state ends Open in one message with the phone's name and the next step.
func TestWhatIsWrongWithThePhone(t *testing.T) {
	cases := map[string]struct {
		os      string
		options virtualiphone.PhoneOptions
		want    string
		hint    string
	}{
		"locked":            {"", virtualiphone.PhoneOptions{Locked: true}, "", "nlock"},
		"trust pending":     {"", virtualiphone.PhoneOptions{Trust: virtualiphone.TrustPending}, "asks whether to trust", "Tap Trust"},
		"trust denied":      {"", virtualiphone.PhoneOptions{Trust: virtualiphone.TrustDenied}, "chose not to trust", "tap Trust"},
		"no image, 18":      {"", virtualiphone.PhoneOptions{WithoutImage: true}, "no developer image is mounted", "ios image auto"},
		"no image, 16":      {"16.7.2", virtualiphone.PhoneOptions{WithoutImage: true}, "no developer image is mounted", "ios image auto"},
		"tunnel needs root": {"17.2/21C62", virtualiphone.PhoneOptions{}, "needs root", "17.4.1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mistrusted(c.os, c.options)
			_, err := b.runner.Open(t.Context(), b.device(0))
			var known *harness.Error
			if !errors.As(err, &known) || known.Kind != harness.KindDevice || !strings.Contains(err.Error(), c.want) || !strings.Contains(known.Device, "iPhone 15 (virtual)") || !strings.Contains(known.Hint, c.hint) {
				t.Errorf("Open = %v (%+v)", err, known)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		b := newBench(t)
		p := b.phone("", virtualiphone.PhoneOptions{})
		d := b.device(0)
		p.Detach()
		if _, err := b.runner.Open(t.Context(), d); harness.KindOf(err) != harness.KindDevice || !strings.Contains(err.Error(), "not attached") {
			t.Errorf("Open = %v", err)
		}
	})
	t.Run("no usbmuxd", func(t *testing.T) {
		b := newBench(t)
		b.stop()
		if _, err := b.runner.Devices(t.Context()); harness.KindOf(err) != harness.KindDevice || !strings.Contains(harness.HintOf(err), "usbmuxd") ||
			!errors.Is(err, iphone.ErrNoUsbmuxd) || !strings.HasSuffix(err.Error(), ": start it") {
			t.Errorf("Devices = %v", err)
		}
	})
	t.Run("locked after it was opened", func(t *testing.T) {
		b := newBench(t)
		s, p := b.ready("")
		p.SetLocked(true)
		_, err := s.Run(t.Context(), task("s", testBuild(t, ""), testModel(t, 3000)), newRecord())
		if harness.KindOf(err) != harness.KindDevice || !strings.Contains(err.Error(), "locked") || !strings.Contains(harness.HintOf(err), "nlock") {
			t.Errorf("Run = %v, hint %s", err, harness.HintOf(err))
		}
	})
}
