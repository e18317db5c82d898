package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/preflight"
)

// errTimeout is the cause with which a launch is ended that takes longer than its scenario allows.
var errTimeout = errors.New("session limit reached")

// launch makes one attempt of the planned session. An error means that the launch could not be made or recorded; a
// session that the device was not fit for, or whose model or build is unusable, ends as refused without one.
func (d *device) launch(ctx context.Context, attempt int) (harness.SessionEnd, error) {
	begin := d.describe(attempt)
	prepared, err := d.handle.Prepare(ctx, begin.Build, begin.Case.Model, d.step)
	if err != nil {
		return d.unprepared(ctx, begin, named(err, "prepare device", d.device))
	}
	begin.Prepared = prepared
	state, before, decision, err := d.await(ctx, begin)
	if err != nil {
		return harness.SessionEnd{}, err
	}
	begin.State, begin.At = &state, d.clock.Now()
	begin.Fingerprint.PowerMode = powerMode(state)
	if decision.Answer == preflight.Refuse {
		d.fail(unfit(d.device, decision.Reason(), decision.Hint))
		return d.refuse(ctx, begin, decision.Reason(), before)
	}
	if err := d.record(ctx, append([]harness.Entry{{Session: begin.ID, SessionBegin: &begin}}, before...)...); err != nil {
		return harness.SessionEnd{}, err
	}
	return d.execute(ctx, begin)
}

// describe fills in what is known of a launch before anything is done.
func (d *device) describe(attempt int) harness.SessionBegin {
	c := d.run.Plan.Cases[d.planned.Case]
	begin := harness.SessionBegin{ID: d.planned.ID, Attempt: attempt, Planned: d.planned, Case: c, At: d.clock.Now()}
	if attempt > 1 {
		begin.ID = fmt.Sprintf("%s.%d", d.planned.ID, attempt)
	}
	for _, b := range d.run.Plan.Builds {
		if b.Arm == d.planned.Arm {
			begin.Build = b
		}
	}
	begin.Fingerprint = harness.Fingerprint{
		UDID: c.Device.UDID, OSBuild: c.Device.OSBuild, Kind: c.Device.Kind, ModelHash: c.Model.Hash,
		ScenarioHash: c.Scenario.Hash(), Protocol: harness.Protocol, PowerMode: "unknown",
	}
	return begin
}

func powerMode(s harness.DeviceState) string {
	switch {
	case s.LowPowerMode == nil:
		return "unknown"
	case *s.LowPowerMode:
		return "low"
	}
	return "normal"
}

// unprepared ends a session whose build or model could not be put on the device. Where that is the fault of the build or
// model, other sessions may still be made; where it is the device's, the error stops it.
func (d *device) unprepared(ctx context.Context, begin harness.SessionBegin, err error) (harness.SessionEnd, error) {
	if ctx.Err() != nil {
		return harness.SessionEnd{}, err
	}
	switch harness.KindOf(err) {
	case harness.KindModel, harness.KindBuild:
		d.fail(err)
		return d.refuse(ctx, begin, err.Error(), nil)
	}
	return harness.SessionEnd{}, err
}

// refuse records a session that was never launched.
func (d *device) refuse(ctx context.Context, begin harness.SessionBegin, reason string, notices []harness.Entry) (
	harness.SessionEnd, error,
) {
	end := harness.SessionEnd{
		ID: begin.ID, Outcome: harness.OutcomeRefused, Reason: reason, At: d.clock.Now(), Planned: begin.Case.Scenario.Iterations,
	}
	entries := append([]harness.Entry{{Session: begin.ID, SessionBegin: &begin}}, notices...)
	entries = append(entries,
		harness.Entry{Session: begin.ID, Notice: &harness.Notice{Session: begin.ID, What: "refused", Text: reason, At: end.At}},
		harness.Entry{Session: begin.ID, SessionEnd: &end})
	if err := d.record(ctx, entries...); err != nil {
		return end, err
	}
	d.ending(d.planned.ID, end)
	return end, nil
}

// execute idles, launches the app and sees the session to its end.
func (d *device) execute(ctx context.Context, begin harness.SessionBegin) (harness.SessionEnd, error) {
	s := d.newSink(ctx, harness.SessionState{Begin: begin}, true)
	d.current = s
	if err := d.idle(ctx, begin, s); err != nil {
		return d.conclude(ctx, s, harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "stopped while idling"}, nil)
	}
	d.tell(Progress{Step: "launching"})
	exit, err := d.limited(ctx, begin, func(ctx context.Context, task harness.Task) (harness.Exit, error) {
		return d.handle.Run(ctx, task, s)
	})
	return d.conclude(ctx, s, exit, err)
}

// collect reads a launch that the harness lost contact with: it was stopped itself, or the device went away. An app that
// did not come to its end counts as device_lost: whoever stopped the harness may have stopped the app, which is no crash
// of the build.
func (d *device) collect(ctx context.Context, past harness.SessionState) (harness.SessionEnd, error) {
	s := d.newSink(ctx, past, false)
	d.tell(Progress{Step: "collecting an earlier launch"})
	exit, err := d.limited(ctx, past.Begin, func(ctx context.Context, task harness.Task) (harness.Exit, error) {
		return d.handle.Collect(ctx, task, s)
	})
	switch {
	case errors.Is(err, harness.ErrNoLaunch):
		exit = harness.Exit{Outcome: harness.OutcomeDeviceLost, Reason: "nothing of it is on the device"}
	case err != nil:
		return harness.SessionEnd{}, named(err, "collect session "+past.Begin.ID, d.device)
	case exit.Outcome == harness.OutcomeAppCrash && !s.fold.Summary().Ended:
		exit.Outcome, exit.Reason = harness.OutcomeDeviceLost, "contact was lost, and the app did not finish"
	}
	s.final = true
	return d.conclude(ctx, s, exit, nil)
}

// limited runs a launch under the scenario's time limit, on the device's clock.
func (d *device) limited(ctx context.Context, begin harness.SessionBegin, run func(context.Context, harness.Task) (harness.Exit, error)) (
	harness.Exit, error,
) {
	scenario := begin.Case.Scenario
	task := harness.Task{
		Run: d.run.ID, Session: begin.ID, Build: begin.Build, Model: begin.Case.Model, Scenario: scenario,
		FirstEver: begin.Prepared.FirstEver, Prompt: scenario.Prompt, Env: d.Env, ReconnectTimeout: d.ReconnectTimeout,
		TelemetryInterval: d.TelemetryInterval, Limit: scenario.SessionTimeout,
	}
	if begin.Planned.Pair == 0 { // it does not vary from launch to launch
		task.ScoreText = scenario.ScoreText
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if task.Limit > 0 {
		expired := d.clock.After(task.Limit)
		go func() {
			select {
			case <-expired:
				cancel(errTimeout)
			case <-ctx.Done():
			}
		}()
	}
	exit, err := run(ctx, task)
	if errors.Is(context.Cause(ctx), errTimeout) {
		return harness.Exit{Outcome: harness.OutcomeTimeout, Reason: fmt.Sprintf("no end within %v", task.Limit),
			Code: exit.Code, Signal: exit.Signal, Evidence: exit.Evidence}, nil
	}
	return exit, err
}
