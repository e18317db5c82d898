package virtualiphone_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, lab.Close(), "close lab")
	})
	return lab, hosttest.Serve(t, lab.Serve)
}

func addPhone(t testing.TB, lab *virtualiphone.Lab, o virtualiphone.PhoneOptions) *virtualiphone.Phone {
	t.Helper()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	require.NoError(t, err)
	phone, err := lab.AddPhone(profile, o)
	require.NoError(t, err)
	return phone
}

// install puts an app on a phone through installation_proxy, the package lying in the media folder already.
func install(t testing.TB, host hosttest.Host, phone *virtualiphone.Phone, ipa []byte) plistio.Dict {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(phone.Dir(), "media/PublicStaging/demo.ipa"), ipa, 0o644))
	frames := host.Frames(phone.UDID(), apps.ProxyService)
	require.NoError(t, frames.Send(map[string]any{"Command": "Install", "PackagePath": "PublicStaging/demo.ipa"}))
	for {
		answer, err := frames.Receive()
		require.NoError(t, err)
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
	require.NoError(t, err)
	first := virtualiphone.UDID(profile, 1, 0)
	assert.Len(t, first, 25, "UDID: want 25 characters of chip 8120")
	assert.True(t, strings.HasPrefix(first, "00008120-00"), "UDID: want 25 characters of chip 8120")
	assert.Equal(t, first, virtualiphone.UDID(profile, 1, 0), "UDIDs do not follow from seed and ordinal alone")
	assert.NotEqual(t, first, virtualiphone.UDID(profile, 1, 1), "UDIDs do not follow from seed and ordinal alone")
	assert.NotEqual(t, first, virtualiphone.UDID(profile, 2, 0), "UDIDs do not follow from seed and ordinal alone")
}

func TestEveryAttachHasANewNumber(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	conn := host.Dial()
	require.NoError(t, hosttest.Send(conn, 3, map[string]any{"MessageType": "Listen"}))
	next := func(kind string) plistio.Dict {
		t.Helper()
		_, message, err := hosttest.Receive(conn)
		require.NoError(t, err)
		require.Equal(t, kind, message.String("MessageType"))
		return message
	}
	next("Result")
	before := next("Attached").Uint("DeviceID")
	phone.Detach()
	assert.Equal(t, before, next("Detached").Uint("DeviceID"), "device")
	require.NoError(t, phone.Attach())
	assert.NotEqual(t, before, next("Attached").Uint("DeviceID"), "attached again")
	_, ok := host.DeviceID(phone.UDID())
	assert.True(t, ok, "the phone is not listed")
}

func TestPhoneSaysThatItIsVirtual(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	s, err := host.Lockdown(phone.UDID())
	require.NoError(t, err)
	answer, err := s.Ask(map[string]any{"Request": "GetValue", "Domain": virtualiphone.LockdownDomain, "Key": "Kind"})
	require.NoError(t, err, "Kind")
	assert.Equal(t, "virtual", answer.String("Value"), "Kind")
	phone.SetThermal("serious")
	answer, err = s.Ask(map[string]any{"Request": "GetValue", "Domain": virtualiphone.LockdownDomain, "Key": "ThermalState"})
	require.NoError(t, err, "ThermalState")
	assert.Equal(t, "serious", answer.String("Value"), "ThermalState")
	_, err = s.Ask(map[string]any{"Request": "GetValue", "Domain": "com.apple.mobile.battery"})
	require.Error(t, err, "battery without a session")
	require.EqualError(t, err, "GetProhibited", "battery without a session")
}

func TestSessionsEndInPlainText(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	s, err := host.Session(phone.UDID())
	require.NoError(t, err)
	for round := range 2 {
		_, err := s.Ask(map[string]any{"Request": "GetValue", "Domain": "com.apple.disk_usage"})
		require.NoError(t, err, "round %d: in a session", round)
		require.NoError(t, s.Stop(), "round %d: stop", round)
		_, err = s.Ask(map[string]any{"Request": "QueryType"})
		require.NoError(t, err, "round %d: in plain text", round)
		require.NoError(t, s.Start(), "round %d: start again", round)
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
		"scripted locked": {func(p *virtualiphone.Phone) {
			p.SetFault(faults.Fault{
				Service: faults.Any, Kind: faults.Locked,
			})
		}, "com.apple.afc", "PasswordProtected"},
		"trust was revoked": {func(p *virtualiphone.Phone) { p.Forget() }, "com.apple.afc", "InvalidHostID"},
	}
	lab, host := newLab(t)
	old, err := virtualiphone.ProfileNamed("iPhone14") // iOS 16: instruments behind lockdown
	require.NoError(t, err)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			phone, err := lab.AddPhone(old, virtualiphone.PhoneOptions{})
			require.NoError(t, err)
			c.prepare(phone)
			_, err = host.Service(phone.UDID(), c.service)
			require.ErrorContains(t, err, c.want, "service %s", c.service)
		})
	}
}

func TestPairingFollowsTheUser(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Trust: virtualiphone.TrustPending})
	s, err := host.Lockdown(phone.UDID())
	require.NoError(t, err)
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
		err := pair()
		require.Error(t, err, "%s: pair", step.name)
		require.EqualError(t, err, step.want, "%s: pair", step.name)
	}
	// Tapping Trust while plugged in lets usbmuxd finish what it had begun.
	_, err = host.Session(phone.UDID())
	require.NoError(t, err, "session after trust")
}

func TestForeignCertificatesAreNoSession(t *testing.T) {
	lab, host := newLab(t)
	mine, other := addPhone(t, lab, virtualiphone.PhoneOptions{}), addPhone(t, lab, virtualiphone.PhoneOptions{})
	record := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": other.UDID()}).Bytes("PairRecordData")
	answer := host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": mine.UDID(), "PairRecordData": record})
	require.Equal(t, uint64(0), answer.Uint("Number"), "save pair record")
	_, err := host.Session(mine.UDID())
	require.Error(t, err, "session with another phone's record")
	require.EqualError(t, err, "InvalidHostID", "session with another phone's record")
}

// TestStolenHostIDsAreNoSession takes a trusted host's id with another host's certificate.
func TestStolenHostIDsAreNoSession(t *testing.T) {
	record := func(lab *virtualiphone.Lab, host hosttest.Host) (string, plistio.Dict) {
		phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
		text := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": phone.UDID()}).Bytes("PairRecordData")
		record, err := plistio.Decode(text)
		require.NoError(t, err)
		return phone.UDID(), record
	}
	lab, host := newLab(t)
	udid, mine := record(lab, host)
	_, theirs := record(newLab(t))
	theirs["HostID"] = mine.String("HostID")
	text, err := plistio.Encode(map[string]any(theirs))
	require.NoError(t, err)
	host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": udid, "PairRecordData": text})
	s, err := host.Session(udid)
	if err == nil { // the phone's refusal may come after the host's half of the handshake
		_, err = s.Ask(map[string]any{"Request": "GetValue", "Key": "DeviceName"})
	}
	require.Error(t, err, "a session with another host's certificate")
}

func TestPhonesLastLongerThanTheProgram(t *testing.T) {
	dir := t.TempDir()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	require.NoError(t, err)
	open := func(t *testing.T) (*virtualiphone.Phone, hosttest.Host) {
		lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir, Seed: 5})
		require.NoError(t, err)
		t.Cleanup(func() { lab.Close() })
		phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
		require.NoError(t, err)
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
		list := phone.Apps()
		require.Len(t, list, 1, "apps after a restart")
		assert.Equal(t, bundle, list[0].BundleID, "apps after a restart")
		again := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": phone.UDID()}).Bytes("PairRecordData")
		assert.Equal(t, string(record), string(again), "the pair record has changed")
		_, err := host.Session(phone.UDID())
		require.NoError(t, err, "session with the old record")
	})
}

func TestRebootedPhoneComesBackWithoutImage(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	before, _ := host.DeviceID(phone.UDID())
	frames := host.Frames(phone.UDID(), "com.apple.mobile.diagnostics_relay")
	require.NoError(t, frames.Send(map[string]any{"Request": "Restart"}))
	answer, err := frames.Receive()
	require.NoError(t, err, "restart")
	require.Equal(t, "Success", answer.String("Status"), "restart")
	eventually(t, "the phone comes back under a new number", func() bool {
		id, ok := host.DeviceID(phone.UDID())
		return ok && id != before
	})
	assert.False(t, phone.ImageMounted(), "the developer image outlived the restart")
}

func TestKillEndsAnApp(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\nexec sleep 600\n")}))
	info := launch(t, phone, nil)
	require.NoError(t, phone.Kill(context.Background(), bundle))
	for _, p := range phone.Processes().List() {
		assert.NotEqual(t, info.PID, p.PID, "process %d is still listed", info.PID)
	}
}
