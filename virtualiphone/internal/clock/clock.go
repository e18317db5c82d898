// Package clock is the time that a virtual iPhone lives by: the host's, or one that a test turns.
package clock

import (
	"context"
	"time"
)

// Clock tells time and waits. It is the same set of methods as virtualiphone.Clock.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
	// Sleep returns nil after d, or ctx's error if it ends before.
	Sleep(ctx context.Context, d time.Duration) error
}

// Wall is the host's clock.
type Wall struct{}

func (Wall) Now() time.Time { return time.Now() }

func (Wall) After(d time.Duration) <-chan time.Time { return time.After(d) }

func (Wall) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
