package phonetest

import (
	"context"
	"sync"
	"time"
)

// Clock is time that stands still until Advance moves it.
type Clock struct {
	mu      sync.Mutex
	changed sync.Cond
	now     time.Time
	timers  []timer
}

type timer struct {
	at time.Time
	ch chan time.Time
}

// NewClock returns a clock at a fixed time in 2026.
func NewClock() *Clock {
	c := &Clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	c.changed.L = &c.mu
	return c
}

func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := timer{c.now.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		t.ch <- c.now
		return t.ch
	}
	c.timers = append(c.timers, t)
	c.changed.Broadcast()
	return t.ch
}

func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-c.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Advance waits until somebody waits for the clock, then moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.timers) == 0 {
		c.changed.Wait()
	}
	c.now = c.now.Add(d)
	var left []timer
	for _, t := range c.timers {
		if t.at.After(c.now) {
			left = append(left, t)
			continue
		}
		t.ch <- c.now
	}
	c.timers = left
}
