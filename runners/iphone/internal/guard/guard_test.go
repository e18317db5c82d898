package guard

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDo(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		call func(c net.Conn) error
		want func(error) bool
	}{
		"returns nil":       {func(net.Conn) error { return nil }, func(err error) bool { return err == nil }},
		"returns the error": {func(net.Conn) error { return broken }, func(err error) bool { return errors.Is(err, broken) }},
		"a panic is an error": {func(net.Conn) error { panic("index out of range") }, func(err error) bool {
			var p *Panic
			return errors.As(err, &p) && p.Stack != ""
		}},
		"a nil map write as well": {
			func(net.Conn) error {
				var m map[string]int
				m["x"] = 1 //nolint:staticcheck // SA5000: the fault that is asked for
				return nil
			},
			func(err error) bool { var p *Panic; return errors.As(err, &p) },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			conn, other := net.Pipe()
			defer other.Close()
			err := Do(context.Background(), conn, func() error { return c.call(conn) })
			assert.True(t, c.want(err), "Do = %v", err)
		})
	}
}

func TestDoEndsABlockedCallWithItsContext(t *testing.T) {
	conn, other := net.Pipe()
	defer other.Close()
	ctx, cancel := context.WithCancel(context.Background())
	reading := make(chan struct{})
	go func() { <-reading; cancel() }()
	err := Do(ctx, conn, func() error {
		close(reading)
		_, err := io.ReadFull(conn, make([]byte, 1)) // never answered
		return err
	})
	require.ErrorIs(t, err, context.Canceled, "Do")
	require.Error(t, Do(ctx, conn, func() error { t.Error("called after the context had ended"); return nil }),
		"Do after the end of its context gave no error")
}
