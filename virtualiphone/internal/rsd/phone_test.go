package rsd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	goinstruments "github.com/danielpaulus/go-ios/ios/instruments"
	"github.com/danielpaulus/go-ios/ios/syslog"
	gotunnel "github.com/danielpaulus/go-ios/ios/tunnel"
	"github.com/danielpaulus/go-ios/ios/zipconduit"
	"github.com/lilims/bench/virtualiphone"
)

// These tests run go-ios against a whole virtual iPhone: mux, lockdown, TLS, tunnel, and apps that are processes.

const bundle = "com.bench.script"

// script is the app: it says what it was told, and ends as it was told.
const script = `#!/bin/sh
echo "args=$* key=$KEY"
if [ "$1" = wait ]; then exec sleep 600; fi
exit ${1:-0}
`

// plugIn returns a virtual iPhone with the app installed, as go-ios sees it.
func plugIn(t *testing.T, version string, o virtualiphone.PhoneOptions) (*virtualiphone.Phone, ios.DeviceEntry) {
	t.Helper()
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err == nil {
		profile, err = profile.WithOS(version + "/20A000")
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("USBMUXD_SOCKET_ADDRESS", l.Addr().String())
	served := make(chan error, 1)
	go func() { served <- lab.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	phone, err := lab.AddPhone(profile, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ios.GetDevice(phone.UDID())
	if err != nil {
		t.Fatal(err)
	}
	install(t, d)
	return phone, d
}

// install sends the app as a folder.
func install(t *testing.T, d ios.DeviceEntry) {
	t.Helper()
	app := filepath.Join(t.TempDir(), "Script.app")
	if err := os.Mkdir(app, 0o755); err != nil {
		t.Fatal(err)
	}
	info := `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>CFBundleIdentifier</key><string>` + bundle + `</string><key>CFBundleExecutable</key><string>Script</string>
<key>CFBundleName</key><string>Script</string><key>CFBundleVersion</key><string>1</string><key>CFBundleShortVersionString</key><string>1.0</string>
</dict></plist>`
	for name, text := range map[string]string{"Info.plist": info, "Script": script} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	conduit, err := zipconduit.New(d)
	if err != nil {
		t.Fatal(err)
	}
	defer conduit.Close()
	if err := conduit.SendFile(app); err != nil {
		t.Fatal(err)
	}
}

// freePort reserves a port for go-ios, which does not tell the one that it would choose.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// throughTunnel is the entry with which go-ios works through its userspace tunnel.
func throughTunnel(t *testing.T, d ios.DeviceEntry) ios.DeviceEntry {
	t.Helper()
	port := freePort(t)
	tun, err := gotunnel.ConnectUserSpaceTunnelLockdown(d, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tun.Close() })
	d.UserspaceTUN, d.UserspaceTUNHost, d.UserspaceTUNPort = true, "127.0.0.1", port
	s, err := ios.NewWithAddrPortDevice(tun.Address, tun.RsdPort, d)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := s.Handshake()
	if err != nil {
		t.Fatal(err)
	}
	d.Address, d.Rsd = tun.Address, h
	return d
}

func TestWholePhoneThroughTheTunnel(t *testing.T) {
	phone, d := plugIn(t, "18.6", virtualiphone.PhoneOptions{})
	d = throughTunnel(t, d)

	app, err := apps(t, d).LaunchAppWithStdIo(bundle, []any{"3"}, map[string]any{"KEY": "größer"}, map[string]any{}, true)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := io.ReadAll(app); err != nil || string(out) != "args=3 key=größer\n" {
		t.Errorf("output %q, %v", out, err)
	}

	s := open(t, d)
	ch := s.channel("processcontrol")
	m, err := ch.MethodCall(launchSelector, "", bundle, map[string]any{"KEY": "value"}, []any{"wait"}, map[string]any{"StartSuspendedKey": uint64(0), "KillExisting": uint64(1)})
	if err != nil {
		t.Fatal(err)
	}
	pid := m.Payload[0].(uint64)
	if out := take(t, s.output); out != fmt.Sprintf("%d:args=wait key=value\n", pid) {
		t.Errorf("output %q", out)
	}
	if err := ch.MethodCallAsync("startObservingPid:", pid); err != nil {
		t.Fatal(err)
	}
	tap := s.channel("sysmontap")
	if _, err := tap.MethodCall("setConfig:", map[string]any{"procAttrs": []any{"pid", "physFootprint"}, "sysAttrs": []any{}, "sampleInterval": 20_000_000}); err != nil {
		t.Fatal(err)
	}
	if err := tap.MethodCallAsync("start"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rows := take(t, s.taps).Payload[0].([]any)[1].(map[string]any)["Processes"].(map[string]any)
		if row, ok := rows[fmt.Sprintf("uint64{%d}", pid)].([]any); !ok || row[1].(uint64) == 0 {
			t.Errorf("rows %v", rows)
		}
	}
	if _, err := tap.MethodCall("stop"); err != nil {
		t.Fatal(err)
	}
	list, err := apps(t, d).ListProcesses()
	if found := false; err == nil {
		for _, p := range list {
			found = found || p.Pid == int(pid) && p.ExecutableName() == "Script"
		}
		if !found {
			t.Errorf("process %d is not in %v", pid, list)
		}
	} else {
		t.Error(err)
	}
	if err := apps(t, d).KillProcess(int(pid)); err != nil {
		t.Fatal(err)
	}
	if exit := take(t, s.exits); exit[0] != pid || exit[2] != uint64(9) {
		t.Errorf("exit %v", exit)
	}
	if log, err := syslog.New(d); err != nil {
		t.Errorf("system log through the tunnel: %v", err)
	} else {
		log.Close()
	}
	phone.MountImage(false)
	if port := throughTunnel(t, d).Rsd.GetPort("com.apple.instruments.dtservicehub"); port != 0 {
		t.Errorf("instruments on port %d without the developer image", port)
	}
}

// TestCableIsPulled pulls it in the middle of an app's output, and plugs it back.
func TestCableIsPulled(t *testing.T) {
	phone, d := plugIn(t, "17.5.1", virtualiphone.PhoneOptions{})
	d = throughTunnel(t, d)
	app, err := apps(t, d).LaunchAppWithStdIo(bundle, []any{"wait"}, nil, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(app).ReadString('\n'); err != nil || !strings.HasPrefix(line, "args=wait") {
		t.Fatalf("output %q, %v", line, err)
	}
	phone.Detach()
	if err := phone.Attach(); err != nil {
		t.Fatal(err)
	}
	again, err := ios.GetDevice(phone.UDID())
	if err != nil {
		t.Fatal(err)
	}
	if again.DeviceID == d.DeviceID {
		t.Errorf("the same DeviceID %d after the replug", d.DeviceID)
	}
	list, err := apps(t, throughTunnel(t, again)).ListProcesses()
	if err != nil {
		t.Fatal(err)
	}
	alive := false
	for _, p := range list {
		alive = alive || p.Pid == app.Pid
	}
	if !alive {
		t.Errorf("process %d did not survive: %v", app.Pid, list)
	}
}

// TestTunnelManager has go-ios's own manager follow the phone.
func TestTunnelManager(t *testing.T) {
	t.Setenv("GO_IOS_AGENT_PORT", fmt.Sprint(freePort(t)))
	phone, _ := plugIn(t, "26.0", virtualiphone.PhoneOptions{})
	pairs, err := gotunnel.NewPairRecordManager(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	manager := gotunnel.NewTunnelManager(pairs, true)
	defer manager.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	expect := func(want int) {
		t.Helper()
		for { // the manager gives a tunnel up that is slow to come, and tries again when it is asked next
			if err := manager.UpdateTunnels(ctx); err != nil {
				t.Fatal(err)
			}
			tunnels, err := manager.ListTunnels()
			if err == nil && len(tunnels) == want {
				return
			}
			if err != nil || ctx.Err() != nil {
				t.Fatalf("tunnels %v, %v; want %d", tunnels, err, want)
			}
		}
	}
	expect(1)
	phone.Detach()
	expect(0)
	if err := phone.Attach(); err != nil {
		t.Fatal(err)
	}
	expect(1)
}

// TestInstrumentsThroughLockdown is iOS before the tunnel: TLS all the way, or for the handshake alone.
func TestInstrumentsThroughLockdown(t *testing.T) {
	for _, version := range []string{"13.7", "16.7.2"} {
		t.Run("iOS "+version, func(t *testing.T) {
			phone, d := plugIn(t, version, virtualiphone.PhoneOptions{})
			control, err := goinstruments.NewProcessControl(d)
			if err != nil {
				t.Fatal(err)
			}
			defer control.Close()
			pid, err := control.LaunchAppWithArgs(bundle, []any{"wait"}, map[string]any{"KEY": "value"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			info, err := goinstruments.NewDeviceInfoService(d)
			if err != nil {
				t.Fatal(err)
			}
			defer info.Close()
			if list, err := info.ProcessList(); err != nil || !strings.Contains(fmt.Sprint(list), fmt.Sprint(" Script ", pid)) {
				t.Errorf("processes %v, %v", list, err)
			}
			if err := control.KillProcess(pid); err != nil {
				t.Error(err)
			}
			phone.MountImage(false)
			if _, err := goinstruments.NewProcessControl(d); err == nil {
				t.Error("instruments without the developer image")
			}
		})
	}
}
