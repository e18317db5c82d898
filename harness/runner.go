package harness

import (
	"context"
	"errors"
	"time"
)

// Runner is one way of running sessions.
type Runner interface {
	// Devices lists what it can reach now. No device is an empty list, not an error.
	Devices(ctx context.Context) ([]Device, error)
	// Open takes hold of one device for a run. The caller closes the handle.
	Open(ctx context.Context, device Device) (Handle, error)
}

// ErrNoLaunch says that a device holds nothing of the launch that was asked for.
var ErrNoLaunch = errors.New("the device knows nothing of this launch")

// Handle is one device, held for a run, on which the app is launched any number of times. One goroutine uses it.
type Handle interface {
	// Prepare puts build and model on the device where their hashes differ from what is there.
	Prepare(ctx context.Context, build Build, model Model, progress func(Progress)) (Prepared, error)
	// State asks the device for its state now.
	State(ctx context.Context) (DeviceState, error)
	// Run launches the app with the task and hands on all that it says until it has ended and its event file is read
	// to the end. A cable that is pulled and comes back within the task's reconnect timeout is not an error. The error is nil
	// whenever the exit says how the launch ended; it is set when the launch could not be made at all. When ctx ends,
	// it ends the app, hands on what the file holds, and returns an exit with the outcome cancelled.
	Run(ctx context.Context, task Task, sink Sink) (Exit, error)
	// Collect reads the event file of an earlier launch, made by this or another process, from the beginning. An app
	// that is still at it is followed to its end, as Run would. The exit has the outcome ok when the file holds the
	// app's end event, and app_crash when it does not. For a device that knows nothing of the launch the error wraps
	// [ErrNoLaunch]; any other error means that it could not be asked.
	Collect(ctx context.Context, task Task, sink Sink) (Exit, error)
	Close() error
}

// Gauge is what a [Handle] implements besides where its device has a battery gauge that can be read between launches too.
// The engine asks a handle for it by a type assertion; a device without one has no energy figures.
type Gauge interface {
	// Battery reads the gauge now. A field that the gauge does not publish is nil.
	Battery(ctx context.Context) (BatteryReading, error)
}

// Timed is what a [Handle] implements besides where its device's time is not the host's: a simulated device brings its
// own clock, and everything that the engine waits for on it passes on that clock.
type Timed interface {
	// Clock is the device's own time, the same for as long as the handle is held.
	Clock() Clock
}

// Leasing is what a [Runner] implements besides where other processes of the host may want its devices too: a device that was
// opened stays this process's until it is released.
type Leasing interface {
	// For is the runner for one run, whose name the others are told. With wait it waits for a device that another process
	// holds; without, opening such a device is an error of kind device.
	For(run string, wait bool) Runner
	// Release lets go of all devices.
	Release() error
}

// Progress is for people: how far a long step has come. Total 0 means unknown.
type Progress struct {
	Step  string // "installing app", "copying model", …
	Done  int64
	Total int64
}

// Prepared says what Prepare did.
type Prepared struct {
	BuildInstalled bool // false: the device had the same hash
	ModelPushed    bool
	FirstEver      bool // the next launch is the first since this build or model arrived
	PushedBytes    int64
	PushSeconds    float64
}

// Task is one launch: what the app is told, and how long to wait for it.
type Task struct {
	Run               string
	Session           string // names the folder on the device that holds plan and events
	Build             Build
	Model             Model
	Scenario          Scenario
	FirstEver         bool
	Prompt            string            // resolved prompt text
	ScoreText         string            // whose perplexity is measured after the iterations; "": none
	Env               map[string]string // faults for tests, tracing; kept with the run
	ReconnectTimeout  time.Duration     // how long a vanished device is waited for
	TelemetryInterval time.Duration     // interval of the host's samplers; 0: none
	Limit             time.Duration     // the engine ends ctx after this long, on its clock; for a runner's own waits
}

// Sink receives what a launch yields, in order, from one goroutine.
type Sink interface {
	Line(number int, text []byte)    // an event line of the app, without its newline; from 1, each once, no gaps
	Battery(reading BatteryReading)  // the host's battery sampler
	Sample(sample Sample)            // the host's other samplers: FootprintHost
	Notice(progress Progress)        // for people, now
	Note(what, text string)          // to be found with the run: a sampler that cannot read, a payload that cannot be fetched
	Payload(name string, raw []byte) // a MetricKit payload file found beside the events
}

// Exit is how a launch ended.
type Exit struct {
	Outcome  Outcome
	Code     *int   // exit code, where the device tells it
	Signal   *int   // signal that ended it, where the device tells it
	Reason   string // one line
	Evidence string // crash report or last output, where there is one
}

// Clock is time as the harness knows it, so that tests and simulated devices own it.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error // ends early with the context's error
	After(d time.Duration) <-chan time.Time
}

// Stepped is a clock that goes on evenly when the wall clock beneath it is set, and knows by how much it was.
type Stepped interface {
	Step() time.Duration // since the clock began; positive where the wall clock is ahead of it
}
