package main

import (
	"context"
	"time"
)

// hostClock is the host's own time.
type hostClock struct{}

func (hostClock) Now() time.Time { return time.Now() }

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
