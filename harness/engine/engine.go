package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
)

// Engine is what a run needs besides its plan.
type Engine struct {
	Runner            harness.Runner
	Recorder          Recorder
	Clock             harness.Clock // a handle that is [harness.Timed] brings its own
	Policy            harness.Policy
	Progress          func(Progress)    // for people, called from one goroutine at a time; may be nil
	ReconnectTimeout  time.Duration     // how long a vanished device is waited for
	TelemetryInterval time.Duration     // interval of the host's samplers; 0: none, and so no energy
	Env               map[string]string // passed to every launch

	References      References // what probes are compared with; nil: no probes
	RenewReferences bool       // the first good probe of a device replaces its reference
}

// Run executes a plan from its beginning. Every chosen device is opened and looked at before the first launch, so that
// a missing or locked one is told before an hour of work. The report is true even when there is an error.
func (e *Engine) Run(ctx context.Context, run harness.Run) (Report, error) {
	return e.execute(ctx, harness.RunState{Run: run}, true)
}

// Resume takes a run up where it was cut off: launches without an end are collected from their devices, and planned
// sessions that were never made, were cancelled or lost their device are made.
func (e *Engine) Resume(ctx context.Context, id string) (Report, error) {
	state, err := e.Recorder.Load(ctx, id)
	if err != nil {
		return Report{Run: id}, err
	}
	return e.execute(ctx, state, false)
}

// execution is the state that the devices' goroutines share.
type execution struct {
	*Engine
	run     harness.Run
	history map[string][]harness.SessionState // planned session -> its attempts so far
	cancel  context.CancelCauseFunc

	mu     sync.Mutex
	ended  []harness.SessionEnd
	endOf  map[string]int // planned session -> place in ended
	errs   []error
	toldOf map[string]bool

	renewedOf map[harness.ReferenceKey]bool
}

func (e *Engine) execute(ctx context.Context, state harness.RunState, fresh bool) (Report, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x := &execution{Engine: e, run: state.Run, history: map[string][]harness.SessionState{}, cancel: cancel,
		endOf: map[string]int{}, toldOf: map[string]bool{}, renewedOf: map[harness.ReferenceKey]bool{}}
	for _, s := range state.Sessions {
		x.history[s.Begin.Planned.ID] = append(x.history[s.Begin.Planned.ID], s)
	}
	x.adopt()
	devices, err := x.open(ctx)
	defer func() {
		for _, d := range devices {
			d.close()
		}
	}()
	if err != nil {
		return x.report(), err
	}
	if fresh {
		if err := e.Recorder.Begin(ctx, x.run); err != nil {
			return x.report(), storage("begin run", err)
		}
	}
	var group sync.WaitGroup
	for _, d := range devices {
		group.Go(func() { d.loop(ctx) })
	}
	group.Wait()
	return x.finish(ctx)
}

// adopt takes over the ends of an earlier execution that stand.
func (x *execution) adopt() {
	for _, p := range x.run.Plan.Sessions {
		attempts := x.history[p.ID]
		if len(attempts) == 0 {
			continue
		}
		if end := attempts[len(attempts)-1].End; end != nil && stands(end.Outcome) {
			x.ending(p.ID, *end)
		}
	}
}

// stands reports whether a planned session that ended like this is done with.
func stands(o harness.Outcome) bool {
	return o != harness.OutcomeCancelled && o != harness.OutcomeDeviceLost
}

func (x *execution) ending(planned string, end harness.SessionEnd) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if at, again := x.endOf[planned]; again {
		x.ended[at] = end
		return
	}
	x.endOf[planned] = len(x.ended)
	x.ended = append(x.ended, end)
}

// fail keeps an error for the end of the run. The same trouble on the same device is told once.
func (x *execution) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.toldOf[err.Error()] {
		x.toldOf[err.Error()] = true
		x.errs = append(x.errs, err)
	}
}

func (x *execution) report() Report {
	x.mu.Lock()
	defer x.mu.Unlock()
	r := Report{Run: x.run.ID, Ended: append([]harness.SessionEnd(nil), x.ended...)}
	for _, p := range x.run.Plan.Sessions {
		if at, ok := x.endOf[p.ID]; !ok || !stands(x.ended[at].Outcome) {
			r.Pending = append(r.Pending, p.ID)
		}
	}
	return r
}

// finish closes the run when nothing is left to do; otherwise it stays open to be resumed.
func (x *execution) finish(ctx context.Context) (Report, error) {
	r := x.report()
	err := errors.Join(x.errs...)
	if cause := context.Cause(ctx); cause != nil && err == nil {
		err = cause
	}
	if len(r.Pending) > 0 {
		if err == nil {
			err = &harness.Error{Kind: harness.KindInternal, Op: "run the plan", Err: fmt.Errorf("%d sessions were not made", len(r.Pending))}
		}
		return r, err
	}
	if bad := x.Recorder.Finish(context.WithoutCancel(ctx), x.run.ID, x.Clock.Now()); bad != nil {
		err = errors.Join(err, storage("finish run", bad))
	}
	return r, err
}

// record writes entries even when the run has been stopped: what has arrived is kept.
func (x *execution) record(ctx context.Context, entries ...harness.Entry) error {
	if err := x.Recorder.Record(context.WithoutCancel(ctx), x.run.ID, entries...); err != nil {
		err = storage("record", err)
		x.cancel(err)
		x.fail(err)
		return err
	}
	return nil
}

func storage(op string, err error) error {
	var known *harness.Error
	if errors.As(err, &known) {
		return err
	}
	return &harness.Error{Kind: harness.KindStorage, Op: op, Err: err,
		Hint: "Free space where the data lie, or choose another place with --data, then resume the run."}
}
