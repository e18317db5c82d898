package main

import (
	"context"
	"time"
)

// hostClock is the host's own time, as it was when the program began and evenly from there: a clock that is set during a
// run would tear the run's times apart.
type hostClock struct{ begun time.Time }

func newHostClock() hostClock { return hostClock{time.Now()} }

// Now goes by the monotonic clock that time.Now has beside the wall's.
func (c hostClock) Now() time.Time { return c.begun.Add(time.Since(c.begun)) }

// Step is how far the host's wall clock has been set since, or the host has slept.
func (c hostClock) Step() time.Duration { return time.Now().Round(0).Sub(c.Now().Round(0)) }

func (hostClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (hostClock) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
