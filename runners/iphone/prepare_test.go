package iphone_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		require.NoError(t, err)
		done.PushSeconds = 0
		return done
	}
	check := func(what string, got, want harness.Prepared) {
		t.Helper()
		assert.Equal(t, want, got, "%s", what)
	}
	check("a new phone", prepare(one, small), harness.Prepared{BuildInstalled: true, ModelPushed: true, FirstEver: true, PushedBytes: 3012})
	check("again", prepare(one, small), harness.Prepared{FirstEver: true})
	_, err := s.Run(t.Context(), task("s1", one, small), newRecord())
	require.NoError(t, err)
	check("after a launch", prepare(one, small), harness.Prepared{})
	check("another model", prepare(one, large), harness.Prepared{ModelPushed: true, FirstEver: true, PushedBytes: 5_000_012})
	check("another build keeps the models", prepare(two, small), harness.Prepared{BuildInstalled: true, FirstEver: true})
	check("the first build again", prepare(one, small), harness.Prepared{BuildInstalled: true, FirstEver: true})
	assert.True(t, steps["installing app"], "steps told: %v", steps)
	assert.True(t, steps["copying model"], "steps told: %v", steps)
	assert.True(t, steps["verifying model"], "steps told: %v", steps)
	weights := filepath.Join(container(t, p), "Documents/bench/models", large.Hash, "model.mlpackage/weights/weight.bin")
	got, err := os.ReadFile(weights)
	want, _ := os.ReadFile(filepath.Join(large.Path, "model.mlpackage/weights/weight.bin"))
	require.NoError(t, err, "the phone has other weights: %d bytes", len(got))
	assert.Equal(t, string(want), string(got), "the phone has other weights: %d bytes", len(got))
}

// TestABuildThatSomeoneElseInstalledIsNoticed: same version, same marker, another bundleID.
func TestABuildThatSomeoneElseInstalledIsNoticed(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	one, other, model := testBuild(t, "one"), testBuild(t, "other"), testModel(t, 100)
	first := b.open(b.device(0))
	_, err := first.Prepare(t.Context(), one, model, nil)
	require.NoError(t, err)
	require.NoError(t, first.InstallForTest(t.Context(), other))
	done, err := first.Prepare(t.Context(), one, model, nil)
	require.NoError(t, err, "Prepare = %+v: want the build installed again", done)
	assert.True(t, done.BuildInstalled, "Prepare = %+v: want the build installed again", done)
}

func TestAModelCopyGoesOnAfterABreak(t *testing.T) {
	for _, fault := range []faults.Kind{faults.Drop, faults.Detach} {
		t.Run(string(fault), func(t *testing.T) {
			b := newBench(t)
			p := b.phone("", virtualiphone.PhoneOptions{})
			s := b.open(b.device(0))
			build := testBuild(t, "")
			_, err := s.Prepare(t.Context(), build, testModel(t, 10), nil)
			require.NoError(t, err)
			s.Close() // the fault is for the next connection
			require.NoError(t, p.SetFault(faults.Fault{Service: arrest, Kind: fault, AfterBytes: 9 << 20, Times: 1}))
			model := testModel(t, 24<<20)
			if fault == faults.Detach {
				go b.replug(p)
			}
			done, err := s.Prepare(t.Context(), build, model, nil)
			require.NoError(t, err, "Prepare = %+v", done)
			require.True(t, done.ModelPushed, "Prepare = %+v", done)
			// what was on its way at the break is not acknowledged
			assert.LessOrEqual(t, done.PushedBytes, model.SizeBytes+(1<<20),
				"%d bytes were sent for a model of %d: the copy began anew", done.PushedBytes, model.SizeBytes)
		})
	}
}

// replug plugs the phone in again as soon as its cable has been pulled.
func (b *bench) replug(p *virtualiphone.Phone) {
	b.runner.Watch(b.t.Context(), func(e iphone.Event) {
		if !e.Attached {
			assert.NoError(b.t, p.Attach())
		}
	})
}

func TestAModelThatDiffersOnThePhone(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	build, model := testBuild(t, ""), testModel(t, 200_000)
	_, err := s.Prepare(t.Context(), build, testModel(t, 10), nil)
	require.NoError(t, err)
	weights := filepath.Join(container(t, p), "Documents/bench/models", model.Hash, "model.mlpackage/weights/weight.bin")
	require.NoError(t, os.MkdirAll(filepath.Dir(weights), 0o755))
	require.NoError(t, os.WriteFile(weights, []byte("the beginning of something else"), 0o644))
	_, err = s.Prepare(t.Context(), build, model, nil)
	require.ErrorContains(t, err, "weight.bin differs", "Prepare")
	done, err := s.Prepare(t.Context(), build, model, nil)
	require.NoError(t, err, "the next Prepare = %+v", done)
	assert.True(t, done.ModelPushed, "the next Prepare = %+v", done)
}

func TestDiskFull(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	build := testBuild(t, "")
	_, err := s.Prepare(t.Context(), build, testModel(t, 10), nil)
	require.NoError(t, err)
	full := func(what string, err error) {
		t.Helper()
		if assert.Equal(t, harness.KindStorage, harness.KindOf(err), "%s: kind", what) {
			assert.ErrorContains(t, err, "iPhone 15 (virtual)", "%s: kind", what)
			assert.NotEmpty(t, harness.HintOf(err), "%s: kind", what)
		}
	}
	p.SetFreeDisk(1 << 20)
	_, err = s.Prepare(t.Context(), build, testModel(t, 5_000_000), nil)
	full("before the copy", err)
	require.ErrorContains(t, err, "are needed", "error %v does not say how much is missing", err)
	p.SetFreeDisk(1 << 30)
	large := testModel(t, 40<<20)
	_, err = s.Prepare(t.Context(), build, large, func(step harness.Progress) {
		if step.Step == "copying model" && step.Done < 10<<20 {
			p.SetFreeDisk(1 << 20) // something else fills the phone meanwhile
		}
	})
	full("during the copy", err)
	p.SetFreeDisk(1 << 30)
	done, err := s.Prepare(t.Context(), build, large, nil)
	require.NoError(t, err, "after room was made: want the copy to go on")
	assert.Less(t, done.PushedBytes, int64(40<<20), "after room was made: want the copy to go on")
}

// TestWhatIsWrongWithTheBuild: each mistake ends in one message with the phone's name, the kind build, and a next step.
func TestWhatIsWrongWithTheBuild(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	model := testModel(t, 10)
	torn := testBuild(t, "")
	require.NoError(t, os.WriteFile(torn.Path, []byte("no zip"), 0o644))
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
			require.ErrorAs(t, err, &known, "Prepare")
			require.Equal(t, harness.KindBuild, known.Kind, "Prepare")
			require.ErrorContains(t, err, c.want, "Prepare")
			require.Contains(t, known.Device, "iPhone 15", "Prepare")
			assert.NotEmpty(t, known.Hint, "Prepare")
		})
	}
	for name, model := range map[string]harness.Model{"missing": {Hash: "aabb", Path: "/nowhere"}, "empty": {
		Hash: "aabb", Path: t.TempDir(),
	}, "no hash": {Path: model.Path}, "hash is a path": {Hash: "../../x", Path: model.Path}} {
		t.Run("model "+name, func(t *testing.T) {
			_, err := s.Prepare(t.Context(), testBuild(t, ""), model, nil)
			assert.Equal(t, harness.KindModel, harness.KindOf(err), "Prepare = %v, kind %s", err, harness.KindOf(err))
			assert.NotEmpty(t, harness.HintOf(err), "Prepare = %v, kind %s", err, harness.KindOf(err))
		})
	}
}

// mistrusted adds a phone with these options, which trusts this host only if they say so.
func (b *bench) mistrusted(os string, o virtualiphone.PhoneOptions) {
	b.t.Helper()
	o.Detached = true
	p := b.phone(os, o)
	if o.Trust != "" {
		require.NoError(b.t, p.Forget())
	}
	require.NoError(b.t, p.Attach())
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
			require.ErrorAs(t, err, &known, "Open")
			require.Equal(t, harness.KindDevice, known.Kind, "Open")
			require.ErrorContains(t, err, c.want, "Open")
			require.Contains(t, known.Device, "iPhone 15 (virtual)", "Open")
			assert.Contains(t, known.Hint, c.hint, "Open")
		})
	}
	t.Run("absent", func(t *testing.T) {
		b := newBench(t)
		p := b.phone("", virtualiphone.PhoneOptions{})
		d := b.device(0)
		p.Detach()
		_, err := b.runner.Open(t.Context(), d)
		require.Equal(t, harness.KindDevice, harness.KindOf(err), "Open")
		require.ErrorContains(t, err, "not attached", "Open")
	})
	t.Run("no usbmuxd", func(t *testing.T) {
		b := newBench(t)
		b.stop()
		_, err := b.runner.Devices(t.Context())
		require.Equal(t, harness.KindDevice, harness.KindOf(err), "Devices")
		require.Contains(t, harness.HintOf(err), "usbmuxd", "Devices")
		require.ErrorIs(t, err, iphone.ErrNoUsbmuxd, "Devices")
		assert.True(t, strings.HasSuffix(err.Error(), ": start it"), "Devices")
	})
	t.Run("locked after it was opened", func(t *testing.T) {
		b := newBench(t)
		s, p := b.ready("")
		p.SetLocked(true)
		_, err := s.Run(t.Context(), task("s", testBuild(t, ""), testModel(t, 3000)), newRecord())
		require.Equal(t, harness.KindDevice, harness.KindOf(err), "Run = %v, hint %s", err, harness.HintOf(err))
		require.ErrorContains(t, err, "locked", "Run = %v, hint %s", err, harness.HintOf(err))
		assert.Contains(t, harness.HintOf(err), "nlock", "Run = %v, hint %s", err, harness.HintOf(err))
	})
}
