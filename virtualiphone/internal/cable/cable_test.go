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
	if _, err := io.ReadFull(c, got[:9]); err != nil || cut {
		t.Fatalf("after 9 of 10 bytes: cut %v, %v", cut, err)
	}
	if _, err := io.ReadFull(c, got[9:]); err != nil || !cut {
		t.Errorf("after 10 bytes: cut %v, %v", cut, err)
	}
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
		if _, err := io.ReadFull(far, back); err != nil || !bytes.Equal(back, payload) {
			t.Fatalf("round trip: %v", err)
		}
		if took := time.Since(start); took < 135*time.Millisecond || took > 140*time.Millisecond {
			t.Errorf("64 KiB there and back took %v, want 135 ms", took)
		}
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
			if took := time.Since(start); took != 0 {
				t.Errorf("writing waited for %v", took)
			}
			phone.Close() // lets what was written arrive
		})
		start := time.Now()
		got, err := io.ReadAll(far)
		if err != nil || len(got) != 30 {
			t.Errorf("arrived: %q, %v", got, err)
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("five answers took %v, want half a round trip", took)
		}
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
		if err := <-ended; !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("read = %v", err)
		}
		phone.Close()
	})
}
