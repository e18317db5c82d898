package virtualiphone_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// client runs a program of libimobiledevice against the lab, and returns what it printed. The test is skipped, with the
// reason, only where the program is not installed.
func client(t *testing.T, host hosttest.Host, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf(
			"%s is not installed: an independent client is not checked here (apt install libimobiledevice-utils ideviceinstaller ifuse)", name,
		)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, args...)
	command.Env = append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+host.Addr)
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	return string(out), err
}

// must runs a client that shall succeed and print every one of these texts.
func must(t *testing.T, host hosttest.Host, want []string, name string, args ...string) string {
	t.Helper()
	out, err := client(t, host, name, args...)
	require.NoError(t, err, "%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	for _, text := range want {
		assert.Contains(t, out, text, "%s %s does not say", name, strings.Join(args, " "))
	}
	return out
}

func TestIdeviceIDListsEveryPhone(t *testing.T) {
	lab, host := newLab(t)
	a, b := addPhone(t, lab, virtualiphone.PhoneOptions{}), addPhone(t, lab, virtualiphone.PhoneOptions{})
	must(t, host, []string{a.UDID(), b.UDID()}, "idevice_id", "-l")
	// The same lab behind a unix socket.
	path := filepath.Join(t.TempDir(), "usbmuxd")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { served <- lab.Serve(ctx, listener) }()
	must(t, hosttest.Host{Addr: "UNIX:" + path}, []string{a.UDID(), b.UDID()}, "idevice_id", "-l")
	cancel()
	require.NoError(t, <-served, "serving a unix socket ended")
	b.Detach()
	assert.NotContains(t, must(t, host, []string{a.UDID()}, "idevice_id", "-l"), b.UDID(), "a phone that was pulled is listed")
}

func TestIdeviceInfo(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Name: "Bench phone"})
	must(t, host, []string{
		"ProductType: iPhone15,4", "ProductVersion: 18.6", "BuildVersion: 22G86", "DeviceName: Bench phone",
	}, "ideviceinfo", "-u", phone.UDID())
	must(t, host, []string{
		"BatteryCurrentCapacity: 80", "ExternalConnected: true",
	}, "ideviceinfo", "-u", phone.UDID(), "-q", "com.apple.mobile.battery")
	must(t, host, []string{"Kind: virtual"}, "ideviceinfo", "-u", phone.UDID(), "-q", virtualiphone.LockdownDomain)
	must(t, host, []string{"18.6"}, "ideviceinfo", "-s", "-u", phone.UDID(), "-k", "ProductVersion")
	must(t, host, nil, "idevicename", "-u", phone.UDID(), "Renamed")
	must(t, host, []string{"Renamed"}, "idevicename", "-u", phone.UDID())
}

func TestIdevicePair(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	pair := func(verb string) (string, error) { return client(t, host, "idevicepair", "-u", phone.UDID(), verb) }
	for _, step := range []struct{ verb, want string }{
		{"validate", "SUCCESS: Validated"}, {"unpair", "SUCCESS: Unpaired"}, {"pair", "SUCCESS: Paired"}, {"validate", "SUCCESS: Validated"},
		{"unpair", "SUCCESS: Unpaired"},
	} {
		out, err := pair(step.verb)
		require.NoError(t, err, "idevicepair %s: %v\n%s", step.verb, err, out)
		require.Contains(t, out, step.want, "idevicepair %s", step.verb)
	}
	phone.SetTrust(virtualiphone.TrustPending)
	out, err := pair("pair")
	require.Error(t, err, "pair while the dialogue is open: %v\n%s", err, out)
	assert.Contains(t, out, "accept the trust dialog", "pair while the dialogue is open")
	phone.SetLocked(true)
	out, err = pair("pair")
	require.Error(t, err, "pair with a locked phone: %v\n%s", err, out)
	assert.Contains(t, out, "passcode", "pair with a locked phone")
}

func TestIdeviceInstaller(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	package1 := filepath.Join(t.TempDir(), "demo.ipa")
	require.NoError(t, os.WriteFile(package1, hosttest.IPA(t, hosttest.App{BundleID: bundle}), 0o644))
	must(t, host, []string{"Install: Complete"}, "ideviceinstaller", "-u", phone.UDID(), "-i", package1)
	must(t, host, []string{bundle, `"1", "Demo"`}, "ideviceinstaller", "-u", phone.UDID(), "-l", "-o", "list_user")
	out, _ := client(t, host, "ideviceinstaller", "-u", phone.UDID(), "-l")
	assert.Contains(t, out, bundle, "the app is not listed")
	macho := filepath.Join(t.TempDir(), "phone.ipa")
	executable := []byte("\xcf\xfa\xed\xfe\x0c\x00\x00\x01 a build for a real phone")
	require.NoError(t, os.WriteFile(macho, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: executable}), 0o644))
	out, _ = client(t, host, "ideviceinstaller", "-u", phone.UDID(), "-i", macho)
	assert.Contains(t, out, "ApplicationVerificationFailed", "a Mach-O app was not refused for what it is")
	assert.Contains(t, out, "Mach-O", "a Mach-O app was not refused for what it is")
	must(t, host, []string{"Uninstall: Complete"}, "ideviceinstaller", "-u", phone.UDID(), "-U", bundle)
	assert.Empty(t, phone.Apps(), "the app is still there")
}

func TestIdeviceDiagnostics(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	want := []string{"<key>PowerTelemetryData</key>", "<key>AccumulatedSystemLoad</key>", "<key>InstantAmperage</key>"}
	must(t, host, want, "idevicediagnostics", "-u", phone.UDID(), "ioregentry", "AppleSmartBattery")
	must(t, host, want, "idevicediagnostics", "-u", phone.UDID(), "ioreg", "IOPower")
	must(t, host, []string{"GasGauge"}, "idevicediagnostics", "-u", phone.UDID(), "diagnostics", "All")
}

func TestIdeviceCrashReport(t *testing.T) {
	phone := script(t, "kill -ABRT $$\n", nil)
	exitOf(t, phone, launch(t, phone, nil).PID)
	lab2 := phone.Lab()
	host := hosttest.Serve(t, lab2.Serve)
	dir := t.TempDir()
	must(t, host, nil, "idevicecrashreport", "-u", phone.UDID(), "-e", "-k", dir)
	found, err := filepath.Glob(filepath.Join(dir, "Demo-*"))
	if err != nil || len(found) == 0 {
		entries, _ := os.ReadDir(dir)
		t.Errorf("no report was copied: %v, %v", entries, err)
	}
}

func TestIdeviceSyslog(t *testing.T) {
	path, err := exec.LookPath("idevicesyslog")
	if err != nil {
		t.Skip("idevicesyslog is not installed: an independent client is not checked here (apt install libimobiledevice-utils)")
	}
	phone := script(t, "echo a line of the app; exec sleep 600\n", nil)
	host := hosttest.Serve(t, phone.Lab().Serve)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, "-u", phone.UDID())
	command.Env = append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+host.Addr)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	launch(t, phone, nil)
	var seen bytes.Buffer
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), "<Notice>: a line of the app") {
		n, err := out.Read(buffer)
		seen.Write(buffer[:n])
		require.NoError(t, err, "the line never came: %v\n%s", err, seen.String())
	}
	cancel()
	io.Copy(io.Discard, out)
	command.Wait() // it was ended by its context
}

func TestIfuseMountsAContainer(t *testing.T) {
	path, err := exec.LookPath("ifuse")
	if err != nil {
		t.Skip("ifuse is not installed: an independent client is not checked here (apt install ifuse)")
	}
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no /dev/fuse on this host (%v): ifuse is not checked here", err)
	} else {
		f.Close()
	}
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
	home, err := phone.Container(bundle)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(home, "Documents/from-app"), []byte("hello"), 0o644))
	mount := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, "-u", phone.UDID(), "--container", bundle, "-f", mount)
	command.Env = append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+host.Addr)
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	require.NoError(t, command.Start())
	ended := make(chan struct{})
	go func() {
		command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		exec.Command("fusermount", "-u", "-z", mount).Run()
		cancel()
		<-ended
	})
	eventually(t, "the container is mounted", func() bool {
		select {
		case <-ended:
			if strings.Contains(said.String(), "ermission") || strings.Contains(said.String(), "mount failed") {
				t.Skipf("this host does not allow FUSE mounts: %s", said.String())
			}
			t.Fatalf("ifuse ended: %s", said.String())
		default:
		}
		text, err := os.ReadFile(filepath.Join(mount, "Documents/from-app"))
		return err == nil && string(text) == "hello"
	})
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	require.NoError(t, os.WriteFile(filepath.Join(mount, "Documents/big"), big, 0o644))
	require.NoError(t, os.Rename(filepath.Join(mount, "Documents/big"), filepath.Join(mount, "tmp/moved")))
	text, err := os.ReadFile(filepath.Join(home, "tmp/moved"))
	require.NoError(t, err, "what came through the mount: %d bytes", len(text))
	assert.True(t, bytes.Equal(text, big), "what came through the mount: %d bytes", len(text))
}
