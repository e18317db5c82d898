package hosttest

import (
	"context"
	"time"
)

// Clock stands still; sleeping moves it. It is for one goroutine.
type Clock struct{ Time time.Time }

// NewClock returns a clock at a fixed time.
func NewClock() *Clock { return &Clock{time.Date(2026, 11, 3, 4, 5, 6, 0, time.UTC)} }

// Now is the time at which the clock stands.
func (c *Clock) Now() time.Time { return c.Time }

// Sleep moves the clock.
func (c *Clock) Sleep(_ context.Context, d time.Duration) error {
	c.Time = c.Time.Add(d)
	return nil
}

// After never tells: nothing under test waits on it.
func (c *Clock) After(time.Duration) <-chan time.Time { return nil }
