package faults

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
)

func TestScript(t *testing.T) {
	s := &Script{}
	for _, f := range []Fault{
		{Service: "afc", Kind: Drop, Times: 2},
		{Service: Any, Kind: Delay, Delay: time.Second},
		{Service: Lockdown, Kind: Delay, Delay: time.Minute, Times: 1},
	} {
		if err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	take := func(service string, kind Kind) bool {
		_, hit := s.Take(service, kind)
		return hit
	}
	for i, want := range []bool{true, true, false} {
		if got := take("afc", Drop); got != want {
			t.Errorf("drop %d of two: %v, want %v", i+1, got, want)
		}
	}
	if !take("syslog", Delay) || !take("syslog", Delay) {
		t.Error("a fault of any service does not last")
	}
	if f, hit := s.Take(Lockdown, Delay); !hit || f.Delay != time.Minute {
		t.Errorf("lockdown's own delay: %v, %v", f, hit)
	}
	if take(Lockdown, Delay) {
		t.Error("a fault of any service hits lockdown itself")
	}
	if len(s.List()) != 1 {
		t.Errorf("in force: %v", s.List())
	}
	s.Clear(Any)
	if len(s.List()) != 0 {
		t.Errorf("in force after all were cleared: %v", s.List())
	}
	var none *Script
	if _, hit := none.Take("afc", Drop); hit {
		t.Error("no script has a fault")
	}
}

func TestNonsenseIsNoFault(t *testing.T) {
	for name, f := range map[string]Fault{
		"no service":       {Kind: Drop},
		"unknown kind":     {Service: "afc", Kind: "explode"},
		"no delay":         {Service: "afc", Kind: Delay},
		"no error":         {Service: "afc", Kind: Refuse},
		"no error or code": {Service: "afc", Kind: Reply},
		"negative count":   {Service: "afc", Kind: Drop, Times: -1},
	} {
		if err := (&Script{}).Add(f); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

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
		link := Link{RTT: 10 * time.Millisecond, BytesPerSecond: 1 << 20}
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
		phone := Shape(t.Context(), bubble{}, near, Link{RTT: time.Second})
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
		phone := Shape(ctx, bubble{}, near, Link{RTT: time.Hour})
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
