package virtualiphone

import (
	"context"
	"time"
)

// Clock is the time that a lab's phones live by. A test that turns its own makes gauges, cables and restarts pass without
// waiting.
type Clock interface {
	Now() time.Time
	After(d time.Duration) <-chan time.Time
	// Sleep returns nil after d, or ctx's error if it ends before.
	Sleep(ctx context.Context, d time.Duration) error
}
