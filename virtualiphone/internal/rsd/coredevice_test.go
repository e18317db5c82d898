package rsd_test

import (
	"io"
	"net"
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/danielpaulus/go-ios/ios/coredevice"
	"github.com/danielpaulus/go-ios/ios/xpc"
	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

// invoke sends one CoreDevice request on a connection of its own.
func invoke(d ios.DeviceEntry, service, feature string, input map[string]any) (map[string]any, error) {
	c, err := ios.ConnectToXpcServiceTunnelIface(d, service)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Send(coredevice.BuildRequest("id", "com.apple.coredevice.feature."+feature, input), xpc.HeartbeatRequestFlag); err != nil {
		return nil, err
	}
	return c.ReceiveOnServerClientStream()
}

func request(t *testing.T, d ios.DeviceEntry, service, feature string, input map[string]any) map[string]any {
	t.Helper()
	answer, err := invoke(d, service, feature, input)
	require.NoError(t, err)
	return answer
}

const appservice = "com.apple.coredevice.appservice"

func launchInput(bundle any, options, stdio map[string]any) map[string]any {
	return map[string]any{"applicationSpecifier": map[string]any{
		"bundleIdentifier": map[string]any{"_0": bundle},
	}, "options": options, "standardIOIdentifiers": stdio}
}

func TestCoreDeviceRefuses(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	d := l.device(t)
	tests := []struct {
		name, service, feature string
		input                  map[string]any
		code                   int64
		want                   string
	}{
		{"unknown feature", appservice, "flylikeabird", nil, 1001, `"flylikeabird" is not implemented`},
		{"feature of another service", "com.apple.coredevice.deviceinfo", "launchapplication", nil, 1001, "not implemented"},
		{"reboot", appservice, "rebootdevice", nil, 1001, "does not reboot"},
		{"uninstall", appservice, "uninstallapp", map[string]any{"bundleIdentifier": "com.bench.app"}, 1001, "installation proxy"},
		{"launch without a bundle", appservice, "launchapplication", nil, 1002, "names no application"},
		{"launch of another type", appservice, "launchapplication", launchInput(int64(7), nil, nil), 1002, "names no application"},
		{"argument that is no text", appservice, "launchapplication", launchInput("com.bench.app", map[string]any{
			"arguments": []any{true},
		}, nil), 1002, "argument is of type bool"},
		{"environment that is no text", appservice, "launchapplication", launchInput("com.bench.app", map[string]any{
			"environmentVariables": map[string]any{"N": int64(1)},
		}, nil), 1002, "variable N"},
		{"output socket of nobody", appservice, "launchapplication", launchInput("com.bench.app", nil, map[string]any{
			"standardOutput": uuid.New(),
		}), 1002, "No open socket"},
		{"output socket that is no UUID", appservice, "launchapplication", launchInput("com.bench.app", nil, map[string]any{
			"standardError": "x",
		}), 1002, "not a UUID"},
		{"app that is not there", appservice, "launchapplication", launchInput(
			"com.bench.none", nil, nil,
		), 10002, "com.bench.none is not installed"},
		{"signal to nobody", appservice, "sendsignaltoprocess", map[string]any{
			"process": map[string]any{"processIdentifier": int64(4711)}, "signal": int64(9),
		}, 10001, "4711"},
		{"signal without process", appservice, "sendsignaltoprocess", map[string]any{"signal": int64(9)}, 1002, "processIdentifier"},
		{"process id beyond 32 bits", appservice, "sendsignaltoprocess", map[string]any{
			"process": map[string]any{"processIdentifier": int64(1) << 40}, "signal": int64(9),
		}, 1002, "not a number"},
		{"watch of nobody", appservice, "monitorprocesstermination", map[string]any{
			"processToken": map[string]any{"processIdentifier": uint64(4711)},
		}, 10001, "4711"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer := request(t, d, tt.service, tt.feature, tt.input)
			failure, _ := answer["CoreDevice.error"].(map[string]any)
			info, _ := failure["userInfo"].(map[string]any)
			text, _ := info["NSLocalizedDescription"].(string)
			assert.Equal(t, "com.apple.dt.CoreDeviceError", failure["domain"], "answer %v, want code", answer)
			assert.Equal(t, tt.code, failure["code"], "answer %v, want code", answer)
			assert.Contains(t, text, tt.want, "answer %v, want code", answer)
		})
	}
	assert.Empty(t, l.phone.Table.List(), "running after all that")
}

func TestMonitorAnswersAtTheEnd(t *testing.T) {
	finish := make(chan struct{})
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.Table.Install("com.bench.app", func(*phonetest.Running) process.Exit {
			<-finish
			return process.Exit{Code: 4}
		})
	})
	d := l.device(t)
	launched := request(t, d, appservice, "launchapplication", launchInput("com.bench.app", nil, nil))
	token := launched["CoreDevice.output"].(map[string]any)["processToken"].(map[string]any)
	answers := make(chan map[string]any, 1)
	go func() {
		answer, err := invoke(d, appservice, "monitorprocesstermination", map[string]any{"processToken": token})
		assert.NoError(t, err)
		answers <- answer
	}()
	select {
	case a := <-answers:
		t.Fatalf("answer before the end: %v", a)
	default:
	}
	close(finish)
	want := map[string]any{"status": map[string]any{"exitCode": int64(4), "wasCoreDumpCreated": false}}
	assert.Equal(t, want, take(t, answers)["CoreDevice.output"], "answer")
}

// TestSuspendedLaunch starts stopped and is killed without ever having run.
func TestSuspendedLaunch(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) { p.Table.Install("com.bench.app", phonetest.Until()) })
	request(t, l.device(t), appservice, "launchapplication", launchInput("com.bench.app", map[string]any{"startStopped": true}, nil))
	running := l.phone.Table.List()
	require.Len(t, running, 1, "running %v, or not suspended", running)
	require.NoError(t, l.phone.Table.Resume(running[0].PID))
}

// TestOutputSocketsAreBounded opens more than the phone keeps, and more again once one has gone.
func TestOutputSocketsAreBounded(t *testing.T) {
	l := serveLoopback(t, faults.Instruments{})
	addr := (&net.TCPAddr{IP: net.IPv6loopback, Port: l.device(t).Rsd.GetPort("com.apple.coredevice.openstdiosocket")}).String()
	open := func() (net.Conn, error) {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = io.ReadFull(conn, make([]byte, 16))
		return conn, err
	}
	var last net.Conn
	for i := range 64 {
		conn, err := open()
		require.NoError(t, err, "socket %d", i)
		last = conn
	}
	_, err := open()
	require.Error(t, err, "socket 65 was opened too")
	last.Close()
	for {
		if _, err := open(); err == nil {
			break // the phone has noticed; it does so within the test's time or the test hangs
		}
	}
}
