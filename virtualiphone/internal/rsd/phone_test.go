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
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, err)
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err == nil {
		profile, err = profile.WithOS(version + "/20A000")
	}
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Setenv("USBMUXD_SOCKET_ADDRESS", l.Addr().String())
	served := make(chan error, 1)
	go func() { served <- lab.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		assert.NoError(t, lab.Close())
		<-served
	})
	phone, err := lab.AddPhone(profile, o)
	require.NoError(t, err)
	d, err := ios.GetDevice(phone.UDID())
	require.NoError(t, err)
	install(t, d)
	return phone, d
}

// install sends the app as a folder.
func install(t *testing.T, d ios.DeviceEntry) {
	t.Helper()
	app := filepath.Join(t.TempDir(), "Script.app")
	require.NoError(t, os.Mkdir(app, 0o755))
	info := `<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>
<key>CFBundleIdentifier</key><string>` + bundle + `</string><key>CFBundleExecutable</key><string>Script</string>
<key>CFBundleName</key><string>Script</string><key>CFBundleVersion</key><string>1</string>
<key>CFBundleShortVersionString</key><string>1.0</string>
</dict></plist>`
	for name, text := range map[string]string{"Info.plist": info, "Script": script} {
		require.NoError(t, os.WriteFile(filepath.Join(app, name), []byte(text), 0o755))
	}
	conduit, err := zipconduit.New(d)
	require.NoError(t, err)
	defer conduit.Close()
	require.NoError(t, conduit.SendFile(app))
}

// freePort reserves a port for go-ios, which does not tell the one that it would choose.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// throughTunnel is the entry with which go-ios works through its userspace tunnel.
func throughTunnel(t *testing.T, d ios.DeviceEntry) ios.DeviceEntry {
	t.Helper()
	port := freePort(t)
	tun, err := gotunnel.ConnectUserSpaceTunnelLockdown(d, port)
	require.NoError(t, err)
	t.Cleanup(func() { tun.Close() })
	d.UserspaceTUN, d.UserspaceTUNHost, d.UserspaceTUNPort = true, "127.0.0.1", port
	s, err := ios.NewWithAddrPortDevice(tun.Address, tun.RsdPort, d)
	require.NoError(t, err)
	defer s.Close()
	h, err := s.Handshake()
	require.NoError(t, err)
	d.Address, d.Rsd = tun.Address, h
	return d
}

func TestWholePhoneThroughTheTunnel(t *testing.T) {
	phone, d := plugIn(t, "18.6", virtualiphone.PhoneOptions{})
	d = throughTunnel(t, d)

	app, err := apps(t, d).LaunchAppWithStdIo(bundle, []any{"3"}, map[string]any{"KEY": "größer"}, map[string]any{}, true)
	require.NoError(t, err)
	out, err := io.ReadAll(app)
	require.NoError(t, err, "output %q", out)
	assert.Equal(t, "args=3 key=größer\n", string(out), "output")

	s := open(t, d)
	ch := s.channel("processcontrol")
	m, err := ch.MethodCall(launchSelector, "", bundle, map[string]any{"KEY": "value"}, []any{"wait"}, map[string]any{
		"StartSuspendedKey": uint64(0), "KillExisting": uint64(1),
	})
	require.NoError(t, err)
	pid := m.Payload[0].(uint64)
	assert.Equal(t, fmt.Sprintf("%d:args=wait key=value\n", pid), take(t, s.output), "output")
	require.NoError(t, ch.MethodCallAsync("startObservingPid:", pid))
	tap := s.channel("sysmontap")
	_, err = tap.MethodCall("setConfig:", map[string]any{
		"procAttrs": []any{"pid", "physFootprint"}, "sysAttrs": []any{}, "sampleInterval": 20_000_000,
	})
	require.NoError(t, err)
	require.NoError(t, tap.MethodCallAsync("start"))
	for range 3 {
		rows := take(t, s.taps).Payload[0].([]any)[1].(map[string]any)["Processes"].(map[string]any)
		row, ok := rows[fmt.Sprintf("uint64{%d}", pid)].([]any)
		require.True(t, ok, "rows %v", rows)
		assert.NotEqual(t, uint64(0), row[1].(uint64), "rows %v", rows)
	}
	_, err = tap.MethodCall("stop")
	require.NoError(t, err)
	list, err := apps(t, d).ListProcesses()
	if found := false; err == nil {
		for _, p := range list {
			found = found || p.Pid == int(pid) && p.ExecutableName() == "Script"
		}
		assert.True(t, found, "process %d is not in %v", pid, list)
	} else {
		t.Error(err)
	}
	require.NoError(t, apps(t, d).KillProcess(int(pid)))
	exit := take(t, s.exits)
	require.Equal(t, pid, exit[0], "exit")
	assert.Equal(t, uint64(9), exit[2], "exit")
	if log, err := syslog.New(d); err != nil {
		t.Errorf("system log through the tunnel: %v", err)
	} else {
		log.Close()
	}
	phone.MountImage(false)
	port := throughTunnel(t, d).Rsd.GetPort("com.apple.instruments.dtservicehub")
	assert.Equal(t, 0, port, "instruments on port %d without the developer image", port)
}

// TestCableIsPulled pulls it in the middle of an app's output, and plugs it back.
func TestCableIsPulled(t *testing.T) {
	phone, d := plugIn(t, "17.5.1", virtualiphone.PhoneOptions{})
	d = throughTunnel(t, d)
	app, err := apps(t, d).LaunchAppWithStdIo(bundle, []any{"wait"}, nil, nil, true)
	require.NoError(t, err)
	line, err := bufio.NewReader(app).ReadString('\n')
	require.NoError(t, err, "output %q", line)
	require.True(t, strings.HasPrefix(line, "args=wait"), "output %q", line)
	phone.Detach()
	require.NoError(t, phone.Attach())
	again, err := ios.GetDevice(phone.UDID())
	require.NoError(t, err)
	assert.NotEqual(t, d.DeviceID, again.DeviceID, "the same DeviceID %d after the replug", d.DeviceID)
	list, err := apps(t, throughTunnel(t, again)).ListProcesses()
	require.NoError(t, err)
	alive := false
	for _, p := range list {
		alive = alive || p.Pid == app.Pid
	}
	assert.True(t, alive, "process %d did not survive: %v", app.Pid, list)
}

// TestTunnelManager has go-ios's own manager follow the phone.
func TestTunnelManager(t *testing.T) {
	t.Setenv("GO_IOS_AGENT_PORT", fmt.Sprint(freePort(t)))
	phone, _ := plugIn(t, "26.0", virtualiphone.PhoneOptions{})
	pairs, err := gotunnel.NewPairRecordManager(t.TempDir())
	require.NoError(t, err)
	manager := gotunnel.NewTunnelManager(pairs, true)
	defer manager.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	expect := func(want int) {
		t.Helper()
		for { // the manager gives a tunnel up that is slow to come, and tries again when it is asked next
			require.NoError(t, manager.UpdateTunnels(ctx))
			tunnels, err := manager.ListTunnels()
			if err == nil && len(tunnels) == want {
				return
			}
			require.NoError(t, err, "tunnels %v, %v; want %d", tunnels, err, want)
			require.NoError(t, ctx.Err(), "tunnels %v, %v; want %d", tunnels, err, want)
		}
	}
	expect(1)
	phone.Detach()
	expect(0)
	require.NoError(t, phone.Attach())
	expect(1)
}

// TestInstrumentsThroughLockdown is iOS before the tunnel: TLS all the way, or for the handshake alone.
func TestInstrumentsThroughLockdown(t *testing.T) {
	for _, version := range []string{"13.7", "16.7.2"} {
		t.Run("iOS "+version, func(t *testing.T) {
			phone, d := plugIn(t, version, virtualiphone.PhoneOptions{})
			control, err := goinstruments.NewProcessControl(d)
			require.NoError(t, err)
			defer control.Close()
			pid, err := control.LaunchAppWithArgs(bundle, []any{"wait"}, map[string]any{"KEY": "value"}, nil)
			require.NoError(t, err)
			info, err := goinstruments.NewDeviceInfoService(d)
			require.NoError(t, err)
			defer info.Close()
			list, err := info.ProcessList()
			require.NoError(t, err, "processes")
			assert.Contains(t, fmt.Sprint(list), fmt.Sprint(" Script ", pid), "processes")
			require.NoError(t, control.KillProcess(pid))
			phone.MountImage(false)
			_, err = goinstruments.NewProcessControl(d)
			require.Error(t, err, "instruments without the developer image")
		})
	}
}
