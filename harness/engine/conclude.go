package engine

import (
	"context"
	"errors"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/power"
	"github.com/lilims/bench/harness/wire"
)

// How the gauge is waited for after a session whose energy is wanted: until it publishes once more.
const (
	worthSettling = time.Minute // of work; less is waited for only where the gauge has published often enough in it
	worthEnough   = 2           // publications
	settleLimit   = 90 * time.Second
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
		s.record(s.notice("device", "lost sight of the launch: "+exit.Reason))
		d.ending(d.planned.ID, end)
		return end, s.err
	}
	if exit.Outcome != harness.OutcomeDeviceLost && ctx.Err() == nil {
		if state, err := d.session.State(ctx); err == nil {
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
		exit.Outcome, exit.Reason = harness.OutcomeThermal, "the app stopped for heat"
	case summary.Measured == 0 && s.began > 0:
		exit.Outcome, exit.Reason = harness.OutcomeInvalid, "no iteration ended ok"
	}
	return exit
}

// idle lets the device rest before the launch and reads its battery meanwhile.
func (d *device) idle(ctx context.Context, begin harness.SessionBegin, s *sink) error {
	gauge, ok := d.session.(harness.Gauge)
	rest := begin.Case.Scenario.IdleBefore
	if rest <= 0 || d.Telemetry <= 0 || !ok {
		return nil
	}
	until := d.clock.Now().Add(rest)
	for left := rest; left > 0; left = until.Sub(d.clock.Now()) {
		d.tell(Progress{Step: "idling before the session", Done: int64((rest - left).Seconds()), Total: int64(rest.Seconds())})
		if reading, err := gauge.Battery(ctx); err == nil {
			s.Battery(reading)
		}
		if err := d.clock.Sleep(ctx, min(d.Telemetry, left)); err != nil {
			return err
		}
	}
	return nil
}

// settle reads the gauge until it has published once more after the work, so that the last seconds are in a sum.
func (d *device) settle(ctx context.Context, s *sink) {
	gauge, ok := d.session.(harness.Gauge)
	w := s.fold.Summary()
	if !ok || d.Telemetry <= 0 || w.WindowBegin == nil ||
		w.WindowEnd.Sub(*w.WindowBegin) < worthSettling && s.publications(w) < worthEnough {
		return
	}
	until := d.clock.Now().Add(settleLimit)
	for d.clock.Now().Before(until) {
		d.tell(Progress{Step: "waiting for the battery's gauge"})
		reading, err := gauge.Battery(ctx)
		if err == nil {
			s.Battery(reading)
			if reading.UpdateTime == nil || *reading.UpdateTime > w.WindowEnd.Unix() {
				return
			}
		}
		if d.clock.Sleep(ctx, d.Telemetry) != nil {
			return
		}
	}
}

// publications counts how often the gauge has published within the measured work so far.
func (s *sink) publications(w wire.Summary) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[int64]bool{}
	for _, r := range s.battery {
		if r.UpdateTime != nil && *r.UpdateTime >= w.WindowBegin.Unix() && *r.UpdateTime <= w.WindowEnd.Unix() {
			seen[*r.UpdateTime] = true
		}
	}
	return len(seen)
}

// energy computes the session's energy from the battery's readings, or says why it cannot.
func (s *sink) energy(w wire.Summary) []harness.Entry {
	reason := ""
	switch {
	case s.d.Telemetry <= 0:
		reason = "battery telemetry was off"
	case w.WindowBegin == nil:
		reason = "no measured iteration with a known time"
	}
	if reason != "" {
		return s.without(reason, harness.Energy, harness.EnergyPerToken)
	}
	request := power.Request{
		Readings: s.battery, Work: power.Span{Begin: *w.WindowBegin, End: *w.WindowEnd}, ClockOffset: s.fold.ClockOffset(),
	}
	if rest := s.begin.Case.Scenario.IdleBefore; rest > 0 {
		from := s.begin.At.Add(-request.ClockOffset)
		request.Idle = &power.Span{Begin: from, End: from.Add(rest)}
	}
	figure, err := power.Measure(request)
	if err != nil {
		var refusal *power.Refusal
		if errors.As(err, &refusal) {
			reason = refusal.Reason
		}
		return s.without(reason, harness.Energy, harness.EnergyPerToken)
	}
	var out []harness.Entry
	for _, note := range figure.Notes {
		out = append(out, s.notice("energy", note))
	}
	add := func(metric string, per float64) {
		width := figure.Uncertainty / per
		out = append(out, harness.Entry{Sample: &harness.Sample{
			Session: s.begin.ID, Metric: metric, Value: figure.Joules / per, Unit: "J", At: w.WindowEnd.Add(request.ClockOffset),
			Source: harness.SourceHost, Method: figure.Method, Uncertainty: &width,
		}})
	}
	add(harness.Energy, 1)
	if w.WindowTokens > 0 {
		add(harness.EnergyPerToken, float64(w.WindowTokens))
	}
	return out
}

func (s *sink) without(reason string, metrics ...string) []harness.Entry {
	var out []harness.Entry
	for _, m := range metrics {
		out = append(out, harness.Entry{Absence: &harness.Absence{Session: s.begin.ID, Metric: m, Reason: reason}})
	}
	return out
}

// hostPeak is the highest footprint that the host's sampler saw.
func (s *sink) hostPeak() []harness.Entry {
	switch {
	case s.told:
		return nil
	case !s.live:
		return s.without("the host did not see the whole of the launch", harness.PeakFootprintHost)
	case s.peak == nil:
		return s.without("the host could not sample the process", harness.PeakFootprintHost)
	}
	peak := *s.peak
	peak.Metric = harness.PeakFootprintHost
	return []harness.Entry{{Sample: &peak}}
}
