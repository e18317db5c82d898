package iphone_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/virtualiphone"
)

// TestTroubleOfAPhone: a phone that cannot be opened is listed all the same, and the reason is told with the next step.
func TestTroubleOfAPhone(t *testing.T) {
	for name, c := range map[string]struct {
		options    virtualiphone.PhoneOptions
		text, hint string // "": nothing is wrong
	}{
		"trusted":       {virtualiphone.PhoneOptions{}, "", ""},
		"trust pending": {virtualiphone.PhoneOptions{Trust: virtualiphone.TrustPending}, "does not trust this computer", "tap Trust"},
		"trust denied":  {virtualiphone.PhoneOptions{Trust: virtualiphone.TrustDenied}, "does not trust this computer", "tap Trust"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.mistrusted("", c.options)
			var told []harness.Device
			var reasons []error
			runner, err := iphone.New(iphone.Options{Socket: b.socket, Clock: wall{}, Lookup: lookup, Trouble: func(d harness.Device, err error) {
				told, reasons = append(told, d), append(reasons, err)
			}})
			require.NoError(t, err)
			devices, err := runner.Devices(t.Context())
			require.NoError(t, err)
			require.Len(t, devices, 1)
			if c.text == "" {
				assert.Empty(t, reasons)
				return
			}
			require.Len(t, reasons, 1)
			assert.Equal(t, devices[0], told[0])
			require.ErrorContains(t, reasons[0], c.text)
			require.ErrorContains(t, reasons[0], devices[0].UDID)
			assert.Equal(t, harness.KindDevice, harness.KindOf(reasons[0]))
			assert.Contains(t, harness.HintOf(reasons[0]), c.hint)
		})
	}
}

// refusal is a property list that holds no list of devices, of 124 bytes.
const refusal = `<plist version="1.0"><dict><key>MessageType</key><string>Result</string>` +
	`<key>Number</key><integer>1</integer></dict></plist>`

// TestNoUsbmuxdAnswers: what listens is no usbmuxd, which is another thing than that nothing does.
func TestNoUsbmuxdAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": "", "another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n", "a length of no message": "\x03\x00\x00\x00",
		"no list":          "\x8c\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00" + refusal,
		"no property list": "\x20\x00\x00\x00\x01\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00 no property list",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 16))
				_, _ = io.WriteString(conn, answer)
				conn.Close()
			}()
			t.Cleanup(func() { listener.Close(); <-done })
			runner, err := iphone.New(iphone.Options{Socket: listener.Addr().String(), Clock: wall{}})
			require.NoError(t, err)
			_, err = runner.Devices(t.Context())
			require.ErrorContains(t, err, "what listens at "+listener.Addr().String()+" does not answer as usbmuxd does")
			assert.Equal(t, harness.KindDevice, harness.KindOf(err))
			assert.NotErrorIs(t, err, iphone.ErrNoUsbmuxd)
		})
	}
}
