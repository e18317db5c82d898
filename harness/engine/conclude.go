package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
)

// conclude ends a session: judges its outcome, computes what needs the whole of it, and records all in one call. A
// session whose device was lost is left open at first: the app goes on, and what it wrote is collected later.
func (d *device) conclude(ctx context.Context, s *sink, exit harness.Exit, err error) (harness.SessionEnd, error) {
	if s.err != nil {
		return harness.SessionEnd{}, s.err // the store is gone; the session stays open for a resumed run
	}
	exit = d.judge(ctx, s, exit, err)
	if exit.Outcome == harness.OutcomeOK {
		d.settle(ctx, s)
	}
	end := s.describe(exit)
	if exit.Outcome == harness.OutcomeDeviceLost && !s.final {
		s.record(s.notice("device", "lost contact with the launch: "+exit.Reason))
		d.ending(d.planned.ID, end)
		return end, s.err
	}
	if exit.Outcome != harness.OutcomeDeviceLost && ctx.Err() == nil {
		if state, err := d.handle.State(ctx); err == nil {
			end.State = &state
		}
	}
	if err := s.close(&end, exit); err != nil {
		return end, err
	}
	d.ending(d.planned.ID, end)
	return end, nil
}

// describe is the session's end as far as the lines tell.
func (s *sink) describe(exit harness.Exit) harness.SessionEnd {
	summary := s.fold.Summary()
	return harness.SessionEnd{
		ID: s.begin.ID, Outcome: exit.Outcome, Reason: exit.Reason, Code: exit.Code, Signal: exit.Signal, Evidence: exit.Evidence,
		Planned: max(s.begin.Case.Scenario.Iterations, s.began), Measured: summary.Measured, Tokens: summary.Tokens,
		ThermalStart: summary.ThermalStart, ThermalWorst: summary.ThermalWorst, At: s.d.clock.Now(),
	}
}

// close records the end together with the figures of the session as a whole.
func (s *sink) close(end *harness.SessionEnd, exit harness.Exit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	y, absences := s.fold.Finish(exit)
	entries := s.entries(y)
	end.Planned = max(end.Planned, s.began)
	entries = append(entries, s.energy(s.fold.Summary())...)
	entries = append(entries, s.hostPeak()...)
	entries = append(entries, s.silences(s.fold.Summary())...)
	entries = append(entries, s.hostClockSet()...)
	for i := range absences {
		entries = append(entries, harness.Entry{Absence: &absences[i]})
	}
	s.record(append(entries, harness.Entry{SessionEnd: end})...)
	return s.err
}

// judge turns the way a launch ended and what the app said of itself into the session's outcome.
func (d *device) judge(ctx context.Context, s *sink, exit harness.Exit, err error) harness.Exit {
	summary := s.fold.Summary()
	switch {
	case ctx.Err() != nil && !summary.Ended:
		return harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "the run was stopped", Evidence: exit.Evidence}
	case err != nil && retried(err):
		return harness.Exit{Outcome: harness.OutcomeDeviceLost, Reason: err.Error()}
	case err != nil:
		d.fail(named(err, "launch app", d.device))
		return harness.Exit{Outcome: harness.OutcomeError, Reason: err.Error()}
	case exit.Outcome == harness.OutcomeCancelled && summary.Ended:
		exit.Outcome = harness.OutcomeOK // it had said its last word
	}
	if exit.Outcome == harness.OutcomeAppCrash && summary.ErrorCode != "" && summary.Ended {
		exit.Outcome = harness.OutcomeOK // it reported an error and then ended in order, whatever its exit code
	}
	if exit.Outcome != harness.OutcomeOK {
		return exit
	}
	switch {
	case summary.ErrorCode != "":
		exit.Outcome, exit.Reason = harness.OutcomeError, summary.ErrorCode+": "+summary.ErrorMessage
	case !summary.Ended:
		exit.Outcome, exit.Reason = harness.OutcomeAppCrash, "the app ended without its end event"
	case summary.EndReason == string(harness.OutcomeThermal):
		exit.Outcome, exit.Reason = harness.OutcomeThermal, "the app stopped at its thermal limit"
	case summary.Measured == 0 && s.began > 0:
		exit.Outcome, exit.Reason = harness.OutcomeInvalid, "no iteration ended ok"
	}
	return exit
}

// hostPeak is the highest footprint that the host's sampler saw.
func (s *sink) hostPeak() []harness.Entry {
	switch {
	case s.told:
		return nil
	case !s.live:
		return s.without("the host lost contact during the launch", harness.PeakFootprintHost)
	case s.peak == nil && s.senseless != "":
		return s.without(s.senseless, harness.PeakFootprintHost)
	case s.peak == nil:
		return s.without("the host could not sample the process", harness.PeakFootprintHost)
	}
	peak := *s.peak
	peak.Metric = harness.PeakFootprintHost
	return []harness.Entry{{Sample: &peak}}
}

// leastStep is by how much a host's clock must be set to be worth a word; less is what keeping time takes.
const leastStep = time.Second

// hostStep is by how much the host's clock has been set since the program began.
func (d *device) hostStep() time.Duration {
	if c, ok := d.Clock.(harness.Stepped); ok {
		return c.Step()
	}
	return 0
}

// hostClockSet says that the host's clock was set during the session. No figure rests on it: durations are the device's
// own, and the engine's clock goes on evenly.
func (s *sink) hostClockSet() []harness.Entry {
	by := (s.d.hostStep() - s.stepped).Round(time.Millisecond)
	if by.Abs() < leastStep {
		return nil
	}
	direction := "ahead"
	if by < 0 {
		direction = "back"
	}
	return []harness.Entry{s.notice("clock", fmt.Sprintf(
		"the host's clock was set %s by %v during the session; recorded times go on from the old one, and no figure rests on it", direction,
		by.Abs(),
	))}
}
