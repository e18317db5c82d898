package tether

import (
	"testing"

	"github.com/danielpaulus/go-ios/ios"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewMux(t *testing.T) {
	cases := map[string]struct{ socket, env, want string }{
		"host and port":            {"127.0.0.1:27015", "", "tcp://127.0.0.1:27015"},
		"a path":                   {"/run/usbmuxd", "", "unix:///run/usbmuxd"},
		"libusbmuxd's spelling":    {"UNIX:/run/usbmuxd", "", "unix:///run/usbmuxd"},
		"environment":              {"", "127.0.0.1:5", "tcp://127.0.0.1:5"},
		"environment, libusbmuxd":  {"", "UNIX:/run/x", "unix:///run/x"},
		"a URL":                    {"tcp://[::1]:4", "", "tcp://[::1]:4"},
		"the argument wins":        {"/a", "/b", "unix:///a"},
		"neither: platform's":      {"", "", "unix:///var/run/usbmuxd"},
		"unknown scheme is an err": {"quic://h:1", "", ""},
		"empty path is an error":   {"UNIX:", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("USBMUXD_SOCKET_ADDRESS", c.env)
			m, err := NewMux(c.socket)
			require.Equal(t, c.want == "", err != nil, "NewMux(%q) error", c.socket)
			if err == nil {
				assert.Equal(t, c.want, m.Socket(), "NewMux(%q)", c.socket)
			}
		})
	}
}

func TestTrackNamesThePhoneThatWent(t *testing.T) {
	present := map[int]Entry{}
	attached := ios.AttachedMessage{
		MessageType: "Attached", DeviceID: 7, Properties: ios.DeviceProperties{SerialNumber: "A", ConnectionType: "USB"},
	}
	e, ok := track(present, attached)
	assert.True(t, ok, "attached = %+v, %v", e, ok)
	assert.True(t, e.Attached, "attached = %+v, %v", e, ok)
	assert.Equal(t, "A", e.UDID, "attached = %+v, %v", e, ok)
	e, ok = track(present, ios.AttachedMessage{MessageType: "Detached", DeviceID: 7})
	assert.True(t, ok, "detached = %+v, %v; want the UDID that came with the attach", e, ok)
	assert.False(t, e.Attached, "detached = %+v, %v; want the UDID that came with the attach", e, ok)
	assert.Equal(t, "A", e.UDID, "detached = %+v, %v; want the UDID that came with the attach", e, ok)
	e, ok = track(present, ios.AttachedMessage{MessageType: "Detached", DeviceID: 7})
	assert.False(t, ok, "a second detach gave %+v", e)
	_, ok = track(present, ios.AttachedMessage{MessageType: "Paired", DeviceID: 7})
	assert.False(t, ok, "a message of another kind gave an event")
}
