package iphone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/instruments"
)

const (
	readBytes   = 1 << 20
	readsAtOnce = 64               // reads before the loop looks at anything else
	maxPayload  = 256 << 20        // of a MetricKit payload; a day's batch of diagnostics is some megabytes
	linger      = 10 * time.Second // for which an app may live on after its last event
	exitGrace   = 5 * time.Second  // for which the exit code of a process that is gone is waited for
	maxBreaks   = 20               // of the cable, one after the other without anything read between
	leastWait   = time.Second      // for a phone that vanished, whatever the task's patience: a cable may only have moved
)

// follow is one launch: what the app was told, how far its events were read, and what is known of its process.
type follow struct {
	handle *Handle
	task   harness.Task
	sink   harness.Sink

	bundle, folder, plan, events string // the app, and paths in its container

	lines    wire.Lines
	file     *afc.File // the open event file; nil: to be opened
	cutOff   int       // bytes of a last line that was cut off with its writer
	payloads []string  // named by events, not yet fetched
	fetched  map[string]bool

	helloPID int  // process that the last hello event names; 0: none
	ended    bool // the last launch in the file wrote its end event

	pid       int
	exit      *instruments.Exit // known once the process has ended
	gone      bool              // the process is not in the phone's list: its exit code is waited for
	killed    bool              // we ended it
	restarted bool              // the phone did, and with it the app
	output    *output           // nil up to iOS 16, and after the cable was pulled

	goneBy  <-chan time.Time // when to stop waiting for the exit code
	endedBy <-chan time.Time // when an app that has written its end event is ended

	stopSampling context.CancelFunc
	sampling     sync.WaitGroup
	gauge        chan gaugeAnswer
	gaugeFails   bool // it has been told that the gauge cannot be read
}

func (h *Handle) newFollow(task harness.Task, sink harness.Sink) (*follow, error) {
	folder, err := sessionFolder(task)
	if err != nil {
		return nil, err
	}
	return &follow{
		handle: h, task: task, sink: sink, bundle: task.Build.BundleID, folder: folder, plan: folder + "/plan.json",
		events:  folder + "/events.jsonl",
		fetched: map[string]bool{}, gauge: make(chan gaugeAnswer), stopSampling: func() {},
	}, nil
}

// stop ends the samplers. The way to the processes is closed with them: the phone samples as long as it is open.
func (f *follow) stop() {
	f.stopSampling()
	f.sampling.Wait()
	if f.output != nil {
		f.output.close()
	}
	f.handle.dropControl()
}

// watch follows the app until it has ended and its events are read, the phone is lost, or ctx ends.
func (f *follow) watch(ctx context.Context) harness.Exit {
	breaks := 0 // since something was last read
	for {
		err := f.read(ctx)
		if err == nil {
			breaks = 0
			if f.exit != nil {
				return f.conclude(ctx)
			}
			err = f.wait(ctx)
		}
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return f.cancelled(ctx)
		}
		if breaks++; breaks > maxBreaks || !lost(err) {
			return f.abandoned(ctx, err)
		}
		if err = f.regain(ctx, err); err != nil {
			return f.abandoned(ctx, err)
		}
	}
}

// wait waits for the next thing to happen, at most until the event file is to be read again. An error says that the way
// to the phone broke.
func (f *follow) wait(ctx context.Context) error {
	clock := f.handle.options.Clock
	var exits <-chan instruments.Exit
	var usages <-chan instruments.Usage
	var broken <-chan struct{}
	if c := f.handle.control; c != nil {
		exits, usages, broken = c.hub.Exits(), c.hub.Usages(), c.hub.Done()
	}
	if f.ended && f.endedBy == nil {
		f.endedBy = clock.After(linger)
	}
	select {
	case <-clock.After(f.handle.options.Poll):
	case exit := <-exits:
		if exit.PID == f.pid {
			f.exit = &exit
		}
	case u := <-usages:
		f.sink.Sample(harness.Sample{Session: f.task.Session, Metric: harness.FootprintHost, Value: float64(u.FootprintBytes), Unit: "B",
			At: clock.Now(), Source: harness.SourceHost, Method: "sysmontap"})
	case a := <-f.gauge:
		f.takeGauge(a)
	case <-f.output.done():
		return f.checkGone(ctx)
	case <-f.goneBy:
		f.exit = &instruments.Exit{PID: f.pid}
	case <-f.endedBy:
		f.killed = true
		f.endedBy = clock.After(linger) // again, should the phone not have done it
		if err := f.kill(ctx); err != nil {
			f.handle.log.Warn("app not ended after its last event", "err", err)
		}
	case <-broken:
		return f.handle.control.hub.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// checkGone looks for the process in the phone's list, after its output has ended or the phone is back.
func (f *follow) checkGone(ctx context.Context) error {
	if f.output != nil {
		f.output.seen()
	}
	alive, err := f.alive(ctx)
	if err != nil {
		return err
	}
	if !alive && !f.gone {
		f.gone = true
		f.goneBy = f.handle.options.Clock.After(exitGrace)
	}
	return nil
}

// read hands on what the event file has gained, and the payloads that it names. A file that is not there yet is fine.
func (f *follow) read(ctx context.Context) error {
	for range readsAtOnce {
		n, err := f.readOnce(ctx)
		if afc.IsNotFound(err) {
			return nil
		}
		if err != nil {
			f.file = nil
			return err
		}
		if err := f.fetchPayloads(ctx); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

func (f *follow) readOnce(ctx context.Context) (int, error) {
	if f.file == nil {
		files, err := f.handle.files(ctx, f.bundle)
		if err != nil {
			return 0, err
		}
		file, err := files.Open(ctx, f.events, afc.Read)
		if err != nil {
			return 0, err
		}
		if err := file.Seek(ctx, f.lines.Offset()); err != nil {
			return 0, err
		}
		f.file = file
	}
	b, err := f.file.Next(ctx, readBytes)
	if err != nil {
		return 0, err
	}
	f.lines.Feed(b, f.line)
	return len(b), nil
}

// catchUp reads to the end of the file as it is now.
func (f *follow) catchUp(ctx context.Context) error {
	for {
		before := f.lines.Offset()
		if err := f.read(ctx); err != nil {
			return err
		}
		if f.lines.Offset() == before {
			return nil
		}
	}
}

// line hands on a line, and takes from it what the runner itself needs to know.
func (f *follow) line(number int, text []byte) {
	f.sink.Line(number, text)
	var e struct {
		Kind wire.Kind `json:"kind"`
		PID  *int      `json:"pid"`
		File string    `json:"file"`
	}
	if json.Unmarshal(text, &e) != nil {
		return // the engine says what is wrong with it
	}
	switch e.Kind {
	case wire.Hello:
		f.ended, f.endedBy = false, nil
		if e.PID != nil {
			f.helloPID = *e.PID
		}
	case wire.End:
		f.ended = true
	case wire.Payload:
		if e.File != "" && path.Base(e.File) == e.File {
			f.payloads = append(f.payloads, e.File)
		}
	}
}

// fetchPayloads fetches what events named. A payload that the phone does not have, or one too long, is told of and passed
// over.
func (f *follow) fetchPayloads(ctx context.Context) error {
	for len(f.payloads) > 0 {
		name := f.payloads[0]
		if !f.fetched[name] {
			files, err := f.handle.files(ctx, f.bundle)
			if err != nil {
				return err
			}
			text, err := files.ReadFile(ctx, path.Join(f.folder, name), maxPayload)
			var status afc.Status
			var long *afc.TooLongError
			switch {
			case err == nil:
				f.sink.Payload(name, text)
			case errors.As(err, &status), errors.As(err, &long):
				f.sink.Note("payload", fmt.Sprintf("%s could not be fetched: %v; it stays on the phone", name, err))
			default:
				return err
			}
			f.fetched[name] = true
		}
		f.payloads = f.payloads[1:]
	}
	return nil
}

// regain waits for a phone that vanished, at most for the task's reconnect timeout, and takes up everything where it was.
func (f *follow) regain(ctx context.Context, cause error) error {
	clock := f.handle.options.Clock
	f.handle.log.Warn("lost contact with the phone", "session", f.task.Session, "err", cause)
	f.sink.Notice(harness.Progress{Step: "waiting for the phone to come back"})
	timeout := max(f.task.ReconnectTimeout, leastWait)
	deadline := clock.Now().Add(timeout)
	for {
		f.forget()
		if err := f.handle.await(ctx, deadline.Sub(clock.Now())); err != nil {
			return err
		}
		err := f.takeUp(ctx)
		if err == nil {
			f.handle.log.Info("the phone is back", "session", f.task.Session, "offset", f.lines.Offset())
			f.sink.Notice(harness.Progress{Step: "the phone is back"})
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !clock.Now().Before(deadline) {
			return &errLost{after: timeout.String(), cause: err}
		}
		if err := clock.Sleep(ctx, retryPause); err != nil {
			return err
		}
	}
}

// forget closes what went through the cable.
func (f *follow) forget() {
	f.file = nil
	f.handle.dropFiles()
	f.handle.dropControl()
}

// takeUp opens everything anew on a phone that is back.
func (f *follow) takeUp(ctx context.Context) error {
	if _, err := f.handle.files(ctx, f.bundle); err != nil {
		return err
	}
	c, err := f.handle.reach(ctx)
	if errors.Is(err, errNoImage) { // what a restart takes away; no app survives one
		f.restarted, f.exit = true, &instruments.Exit{PID: f.pid}
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.hub.Observe(ctx, f.pid); err != nil {
		return err
	}
	f.sampleFootprint(ctx)
	return f.checkGone(ctx)
}
