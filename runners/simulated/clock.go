package simulated

import (
	"context"
	"sync"
	"time"
)

// Clock is a virtual clock: sleeping moves it on at once. It belongs to one device.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers []timer
	moved  func(d time.Duration) // told before the clock shows the new time; nil: nobody
}

type timer struct {
	at   time.Time
	fire chan time.Time
}

// NewClock starts at a moment.
func NewClock(start time.Time) *Clock { return &Clock{now: start} }

// Now is the virtual time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep moves the clock on by d and fires what came due.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(d)
	return nil
}

func (c *Clock) advance(d time.Duration) {
	if d <= 0 {
		return
	}
	if c.moved != nil {
		c.moved(d)
	}
	c.now = c.now.Add(d)
	kept := c.timers[:0]
	for _, t := range c.timers {
		if t.at.After(c.now) {
			kept = append(kept, t)
			continue
		}
		t.fire <- c.now
	}
	c.timers = kept
}

// After fires once the clock has moved on by d.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	fire := make(chan time.Time, 1)
	if d <= 0 {
		fire <- c.now
		return fire
	}
	c.timers = append(c.timers, timer{at: c.now.Add(d), fire: fire})
	return fire
}

// Idle is what a hung app does: nothing, until somebody ends ctx. The clock jumps to the next timer that somebody set,
// since nothing else will ever happen, and then stands.
func (c *Clock) Idle(ctx context.Context) {
	c.mu.Lock()
	next := time.Duration(-1)
	for _, t := range c.timers {
		if d := t.at.Sub(c.now); next < 0 || d < next {
			next = d
		}
	}
	c.advance(next)
	c.mu.Unlock()
	<-ctx.Done()
}
