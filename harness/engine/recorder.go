package engine

import (
	"context"
	"time"

	"github.com/lilims/bench/harness"
)

// Recorder keeps what a run yields. The engine writes to it from one goroutine per device; implementations order those.
//
// One Record call is all or nothing and durable when it returns, so a killed harness loses at most the call being made.
// The engine puts an event line and everything that follows from it into one call, and the end of a session with its
// energy and absences into another. A resumed session therefore never repeats an entry: the engine reads the device's
// file from the start and records what lies behind SessionState.Lines.
type Recorder interface {
	// Begin records the run with its plan. An ID that exists already is an error.
	Begin(ctx context.Context, run harness.Run) error
	// Record appends entries to a run.
	Record(ctx context.Context, run string, entries ...harness.Entry) error
	// Finish records that a run is over. A run that is finished twice keeps the later time.
	Finish(ctx context.Context, run string, end time.Time) error
	// Load returns what is recorded of a run. An unknown ID is an error of kind usage.
	Load(ctx context.Context, run string) (harness.RunState, error)
}
