package plistio

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServe(t *testing.T) {
	request, err := Encode(map[string]any{"Command": "x"})
	require.NoError(t, err)
	two := append(frame(request), frame(request)...)
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		sent    []byte
		answer  error // of the handler
		handled int
		want    error
	}{
		"the host hangs up":     {two, nil, 2, nil},
		"the host says goodbye": {two, ErrDone, 1, nil},
		"the handler fails":     {two, broken, 1, broken},
		"the host is cut off":   {two[:len(two)-3], nil, 1, io.ErrUnexpectedEOF},
		"the host says nothing": {nil, nil, 0, nil},
		"half a length comes":   {frame(nil)[:2], nil, 0, io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			handled := 0
			err := New(stream{bytes.NewReader(c.sent), io.Discard}).Serve(func(request Dict) error {
				handled++
				assert.Equal(t, "x", request.String("Command"))
				return c.answer
			})
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, c.handled, handled)
		})
	}
}

// TestSwitch: the stream changes under a conversation, as where TLS begins.
func TestSwitch(t *testing.T) {
	first, err := Encode(map[string]any{"Command": "first"})
	require.NoError(t, err)
	second, err := Encode(map[string]any{"Command": "second"})
	require.NoError(t, err)
	conn := New(stream{bytes.NewReader(frame(first)), io.Discard})
	var out bytes.Buffer
	var heard []string
	err = conn.Serve(func(request Dict) error {
		if heard = append(heard, request.String("Command")); len(heard) == 1 {
			conn.Switch(stream{bytes.NewReader(frame(second)), &out})
		}
		return conn.Send(map[string]any{"Status": "ok"})
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "second"}, heard)
	answer, err := New(stream{&out, io.Discard}).Receive()
	require.NoError(t, err, "the first answer goes out on the new stream")
	assert.Equal(t, "ok", answer.String("Status"))
}
