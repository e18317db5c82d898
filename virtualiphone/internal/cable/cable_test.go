package cable

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
)

func TestCutAfter(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	cut := false
	c := CutAfter(near, 10, func() { cut = true })
	go func() {
		far.Write(bytes.Repeat([]byte("x"), 64))
		far.Close()
	}()
	var got [10]byte
	_, err := io.ReadFull(c, got[:9])
	require.NoError(t, err, "after 9 of 10 bytes: cut %v", cut)
	require.False(t, cut, "after 9 of 10 bytes: cut %v", cut)
	_, err = io.ReadFull(c, got[9:])
	require.NoError(t, err, "after 10 bytes: cut %v", cut)
	assert.True(t, cut, "after 10 bytes: cut %v", cut)
}

// bubble is the clock of a synctest bubble.
type bubble struct{}

func (bubble) Now() time.Time                         { return time.Now() }
func (bubble) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (bubble) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestLinkDelaysAndNarrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		link := faults.Link{RTT: 10 * time.Millisecond, BytesPerSecond: 1 << 20}
		phone := Shape(t.Context(), bubble{}, near, link)
		go func() { // a phone that sends back what it gets
			io.Copy(phone, phone)
			phone.Close()
		}()
		start := time.Now()
		payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<12) // 64 KiB: 62.5 ms at this width
		go far.Write(payload)
		back := make([]byte, len(payload))
		_, err := io.ReadFull(far, back)
		require.NoError(t, err, "round trip")
		require.True(t, bytes.Equal(back, payload), "round trip")
		took := time.Since(start)
		assert.GreaterOrEqual(t, took, 135*time.Millisecond, "64 KiB there and back")
		assert.LessOrEqual(t, took, 140*time.Millisecond, "64 KiB there and back")
		far.Close()
		synctest.Wait()
	})
}

func TestLinkCarriesSeveralAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		phone := Shape(t.Context(), bubble{}, near, faults.Link{RTT: time.Second})
		var done sync.WaitGroup
		done.Go(func() {
			start := time.Now()
			for range 5 {
				phone.Write([]byte("answer"))
			}
			assert.Equal(t, time.Duration(0), time.Since(start), "writing waited")
			phone.Close() // lets what was written arrive
		})
		start := time.Now()
		got, err := io.ReadAll(far)
		require.NoError(t, err, "arrived")
		assert.Len(t, got, 30, "arrived")
		assert.Equal(t, 500*time.Millisecond, time.Since(start), "five answers: want half a round trip")
		done.Wait()
	})
}

func TestLinkEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		ctx, cancel := context.WithCancel(t.Context())
		phone := Shape(ctx, bubble{}, near, faults.Link{RTT: time.Hour})
		ended := make(chan error, 1)
		go func() {
			_, err := phone.Read(make([]byte, 1))
			ended <- err
		}()
		go far.Write([]byte("late"))
		synctest.Wait()
		cancel()
		err := <-ended
		if !errors.Is(err, context.Canceled) {
			require.ErrorIs(t, err, net.ErrClosed, "read")
		}
		phone.Close()
	})
}
