package tether

import (
	"testing"

	"github.com/danielpaulus/go-ios/ios"
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
			if (err != nil) != (c.want == "") {
				t.Fatalf("NewMux(%q) error = %v", c.socket, err)
			}
			if err == nil && m.Socket() != c.want {
				t.Errorf("NewMux(%q) = %s, want %s", c.socket, m.Socket(), c.want)
			}
		})
	}
}

func TestTrackNamesThePhoneThatWent(t *testing.T) {
	present := map[int]Entry{}
	attached := ios.AttachedMessage{MessageType: "Attached", DeviceID: 7, Properties: ios.DeviceProperties{SerialNumber: "A", ConnectionType: "USB"}}
	if e, ok := track(present, attached); !ok || !e.Attached || e.UDID != "A" {
		t.Errorf("attached = %+v, %v", e, ok)
	}
	if e, ok := track(present, ios.AttachedMessage{MessageType: "Detached", DeviceID: 7}); !ok || e.Attached || e.UDID != "A" {
		t.Errorf("detached = %+v, %v; want the UDID that came with the attach", e, ok)
	}
	if e, ok := track(present, ios.AttachedMessage{MessageType: "Detached", DeviceID: 7}); ok {
		t.Errorf("a second detach gave %+v", e)
	}
	if _, ok := track(present, ios.AttachedMessage{MessageType: "Paired", DeviceID: 7}); ok {
		t.Error("a message of another kind gave an event")
	}
}
