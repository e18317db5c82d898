package virtualiphone_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/apps"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

const bundle = "org.lilims.demo"

// newLab makes a lab that the test's end closes.
func newLab(t testing.TB) (*virtualiphone.Lab, hosttest.Host) {
	t.Helper()
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Errorf("close lab: %v", err)
		}
	})
	return lab, hosttest.Serve(t, lab.Serve)
}

func addPhone(t testing.TB, lab *virtualiphone.Lab, o virtualiphone.PhoneOptions) *virtualiphone.Phone {
	t.Helper()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err != nil {
		t.Fatal(err)
	}
	phone, err := lab.AddPhone(profile, o)
	if err != nil {
		t.Fatal(err)
	}
	return phone
}

// install puts an app on a phone through installation_proxy, the package lying in the media folder already.
func install(t testing.TB, host hosttest.Host, phone *virtualiphone.Phone, ipa []byte) plistio.Dict {
	t.Helper()
	if err := os.WriteFile(filepath.Join(phone.Dir(), "media/PublicStaging/demo.ipa"), ipa, 0o644); err != nil {
		t.Fatal(err)
	}
	frames := host.Frames(phone.UDID(), apps.ProxyService)
	if err := frames.Send(map[string]any{"Command": "Install", "PackagePath": "PublicStaging/demo.ipa"}); err != nil {
		t.Fatal(err)
	}
	for {
		answer, err := frames.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if answer.Has("Error") || answer.String("Status") == "Complete" {
			return answer
		}
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestUDIDsFollowFromTheSeed(t *testing.T) {
	profile, err := virtualiphone.ProfileNamed("iphone15,4")
	if err != nil {
		t.Fatal(err)
	}
	first := virtualiphone.UDID(profile, 1, 0)
	if len(first) != 25 || !strings.HasPrefix(first, "00008120-00") {
		t.Errorf("UDID = %q, want 25 characters of chip 8120", first)
	}
	if virtualiphone.UDID(profile, 1, 0) != first || virtualiphone.UDID(profile, 1, 1) == first || virtualiphone.UDID(profile, 2, 0) == first {
		t.Error("UDIDs do not follow from seed and ordinal alone")
	}
}

func TestEveryAttachHasANewNumber(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	conn := host.Dial()
	if err := hosttest.Send(conn, 3, map[string]any{"MessageType": "Listen"}); err != nil {
		t.Fatal(err)
	}
	next := func(kind string) plistio.Dict {
		t.Helper()
		_, message, err := hosttest.Receive(conn)
		if err != nil || message.String("MessageType") != kind {
			t.Fatalf("got %v, %v; want %s", message, err, kind)
		}
		return message
	}
	next("Result")
	before := next("Attached").Uint("DeviceID")
	phone.Detach()
	if gone := next("Detached").Uint("DeviceID"); gone != before {
		t.Errorf("device %d detached, want %d", gone, before)
	}
	if err := phone.Attach(); err != nil {
		t.Fatal(err)
	}
	if after := next("Attached").Uint("DeviceID"); after == before {
		t.Errorf("attached again as %d, want a new number", after)
	}
	if _, ok := host.DeviceID(phone.UDID()); !ok {
		t.Error("the phone is not listed")
	}
}

func TestPhoneSaysThatItIsVirtual(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	s, err := host.Lockdown(phone.UDID())
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(map[string]any{"Request": "GetValue", "Domain": virtualiphone.LockdownDomain, "Key": "Kind"})
	if err != nil || answer.String("Value") != "virtual" {
		t.Errorf("Kind = %v, %v; want virtual", answer, err)
	}
	phone.SetThermal("serious")
	answer, err = s.Ask(map[string]any{"Request": "GetValue", "Domain": virtualiphone.LockdownDomain, "Key": "ThermalState"})
	if err != nil || answer.String("Value") != "serious" {
		t.Errorf("ThermalState = %v, %v; want serious", answer, err)
	}
	if _, err := s.Ask(map[string]any{"Request": "GetValue", "Domain": "com.apple.mobile.battery"}); err == nil || err.Error() != "GetProhibited" {
		t.Errorf("battery without a session: %v, want GetProhibited", err)
	}
}

func TestSessionsEndInPlainText(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	s, err := host.Session(phone.UDID())
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 {
		if _, err := s.Ask(map[string]any{"Request": "GetValue", "Domain": "com.apple.disk_usage"}); err != nil {
			t.Fatalf("round %d: in a session: %v", round, err)
		}
		if err := s.Stop(); err != nil {
			t.Fatalf("round %d: stop: %v", round, err)
		}
		if _, err := s.Ask(map[string]any{"Request": "QueryType"}); err != nil {
			t.Fatalf("round %d: in plain text: %v", round, err)
		}
		if err := s.Start(); err != nil {
			t.Fatalf("round %d: start again: %v", round, err)
		}
	}
}

func TestWhatThePhoneRefuses(t *testing.T) {
	const instruments = "com.apple.instruments.remoteserver.DVTSecureSocketProxy"
	cases := map[string]struct {
		prepare func(*virtualiphone.Phone)
		service string
		want    string
	}{
		"unknown service": {func(*virtualiphone.Phone) {}, "com.apple.nothing", "InvalidService"},
		"locked":          {func(p *virtualiphone.Phone) { p.SetLocked(true) }, "com.apple.afc", "PasswordProtected"},
		"no image":        {func(p *virtualiphone.Phone) { p.MountImage(false) }, instruments, "InvalidService"},
		"scripted refusal": {func(p *virtualiphone.Phone) {
			p.SetFault(faults.Fault{Service: "com.apple.afc", Kind: faults.Refuse, Error: "ServiceLimit"})
		}, "com.apple.afc", "ServiceLimit"},
		"scripted locked":   {func(p *virtualiphone.Phone) { p.SetFault(faults.Fault{Service: faults.Any, Kind: faults.Locked}) }, "com.apple.afc", "PasswordProtected"},
		"trust was revoked": {func(p *virtualiphone.Phone) { p.Forget() }, "com.apple.afc", "InvalidHostID"},
	}
	lab, host := newLab(t)
	old, err := virtualiphone.ProfileNamed("iPhone14") // iOS 16: instruments behind lockdown
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			phone, err := lab.AddPhone(old, virtualiphone.PhoneOptions{})
			if err != nil {
				t.Fatal(err)
			}
			c.prepare(phone)
			_, err = host.Service(phone.UDID(), c.service)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("service %s: %v, want %s", c.service, err, c.want)
			}
		})
	}
}

func TestPairingFollowsTheUser(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Trust: virtualiphone.TrustPending})
	s, err := host.Lockdown(phone.UDID())
	if err != nil {
		t.Fatal(err)
	}
	pair := func() error {
		_, err := s.Ask(map[string]any{"Request": "Pair", "PairRecord": map[string]any{}})
		return err
	}
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"dialogue open", func() {}, "PairingDialogResponsePending"},
		{"denied", func() { phone.SetTrust(virtualiphone.TrustDenied) }, "UserDeniedPairing"},
		{"locked", func() { phone.SetLocked(true) }, "PasswordProtected"},
		{"a record without certificates", func() { phone.SetLocked(false); phone.SetTrust(virtualiphone.TrustAuto) }, "InvalidPairRecord"},
	}
	for _, step := range steps {
		step.do()
		if err := pair(); err == nil || err.Error() != step.want {
			t.Errorf("%s: pair = %v, want %s", step.name, err, step.want)
		}
	}
	// Tapping Trust while plugged in lets usbmuxd finish what it had begun.
	if _, err := host.Session(phone.UDID()); err != nil {
		t.Errorf("session after trust: %v", err)
	}
}

func TestForeignCertificatesAreNoSession(t *testing.T) {
	lab, host := newLab(t)
	mine, other := addPhone(t, lab, virtualiphone.PhoneOptions{}), addPhone(t, lab, virtualiphone.PhoneOptions{})
	record := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": other.UDID()}).Bytes("PairRecordData")
	answer := host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": mine.UDID(), "PairRecordData": record})
	if answer.Uint("Number") != 0 {
		t.Fatalf("save pair record: %v", answer)
	}
	if _, err := host.Session(mine.UDID()); err == nil || err.Error() != "InvalidHostID" {
		t.Errorf("session with another phone's record: %v, want InvalidHostID", err)
	}
}

// TestStolenHostIDsAreNoSession takes a trusted host's id with another host's certificate.
func TestStolenHostIDsAreNoSession(t *testing.T) {
	record := func(lab *virtualiphone.Lab, host hosttest.Host) (string, plistio.Dict) {
		phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
		text := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": phone.UDID()}).Bytes("PairRecordData")
		record, err := plistio.Decode(text)
		if err != nil {
			t.Fatal(err)
		}
		return phone.UDID(), record
	}
	lab, host := newLab(t)
	udid, mine := record(lab, host)
	_, theirs := record(newLab(t))
	theirs["HostID"] = mine.String("HostID")
	text, err := plistio.Encode(map[string]any(theirs))
	if err != nil {
		t.Fatal(err)
	}
	host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": udid, "PairRecordData": text})
	s, err := host.Session(udid)
	if err == nil { // the phone's refusal may come after the host's half of the handshake
		_, err = s.Ask(map[string]any{"Request": "GetValue", "Key": "DeviceName"})
	}
	if err == nil {
		t.Error("a session with another host's certificate")
	}
}

func TestPhonesLastLongerThanTheProgram(t *testing.T) {
	dir := t.TempDir()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) (*virtualiphone.Phone, hosttest.Host) {
		lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { lab.Close() })
		phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return phone, hosttest.Serve(t, lab.Serve)
	}
	var record []byte
	t.Run("first", func(t *testing.T) {
		phone, host := open(t)
		install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
		record = host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": phone.UDID()}).Bytes("PairRecordData")
	})
	t.Run("second", func(t *testing.T) {
		phone, host := open(t)
		if list := phone.Apps(); len(list) != 1 || list[0].BundleID != bundle {
			t.Errorf("apps after a restart: %v", list)
		}
		again := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": phone.UDID()}).Bytes("PairRecordData")
		if string(again) != string(record) {
			t.Error("the pair record has changed")
		}
		if _, err := host.Session(phone.UDID()); err != nil {
			t.Errorf("session with the old record: %v", err)
		}
	})
}

func TestRebootedPhoneComesBackWithoutImage(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	before, _ := host.DeviceID(phone.UDID())
	frames := host.Frames(phone.UDID(), "com.apple.mobile.diagnostics_relay")
	if err := frames.Send(map[string]any{"Request": "Restart"}); err != nil {
		t.Fatal(err)
	}
	if answer, err := frames.Receive(); err != nil || answer.String("Status") != "Success" {
		t.Fatalf("restart: %v, %v", answer, err)
	}
	eventually(t, "the phone comes back under a new number", func() bool {
		id, ok := host.DeviceID(phone.UDID())
		return ok && id != before
	})
	if phone.ImageMounted() {
		t.Error("the developer image outlived the restart")
	}
}

func TestKillEndsAnApp(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\nexec sleep 600\n")}))
	info := launch(t, phone, nil)
	if err := phone.Kill(context.Background(), bundle); err != nil {
		t.Fatal(err)
	}
	for _, p := range phone.Processes().List() {
		if p.PID == info.PID {
			t.Errorf("process %d is still listed", info.PID)
		}
	}
}
