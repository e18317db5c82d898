package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/power"
)

// How the gauge is waited for: after a session whose energy is wanted until it publishes once more, and before it so that
// the idle window ends with a publication.
const (
	worthSettling = time.Minute // of work; less is waited for only where the gauge has published often enough in it
	worthEnough   = 2           // publications
	settleLimit   = 90 * time.Second
	idleExtension = 30 * time.Second
)

// idle lets the device rest before the launch and reads its battery meanwhile. The window goes on until the gauge has
// published once more, for a while: what it says of the seconds since the last publication would be lost otherwise.
func (d *device) idle(ctx context.Context, begin harness.SessionBegin, s *sink) error {
	gauge, ok := d.handle.(harness.Gauge)
	rest := begin.Case.Scenario.IdleBefore
	if rest <= 0 || d.TelemetryInterval <= 0 || !ok {
		return nil
	}
	since := d.clock.Now()
	var last *int64 // publication at the end of the rest
	for {
		passed := d.clock.Now().Sub(since)
		d.tell(Progress{Step: "idling before the session", Done: int64(min(passed, rest).Seconds()), Total: int64(rest.Seconds())})
		if reading, err := gauge.Battery(ctx); err == nil {
			s.Battery(reading)
			if passed < rest {
				last = reading.UpdateTime
			} else if last == nil || reading.UpdateTime == nil || *reading.UpdateTime != *last {
				break
			}
		}
		if passed >= rest+idleExtension {
			break
		}
		pause := d.TelemetryInterval
		if passed < rest {
			pause = min(pause, rest-passed)
		}
		if err := d.clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
	s.rested = &span{since, d.clock.Now()}
	return nil
}

// span is a stretch of the engine's clock.
type span struct{ begin, end time.Time }

// settle reads the gauge until it has published once more after the work, so that the last seconds are in a sum.
func (d *device) settle(ctx context.Context, s *sink) {
	gauge, ok := d.handle.(harness.Gauge)
	w := s.fold.Summary()
	if !ok || d.TelemetryInterval <= 0 || w.WindowBegin == nil ||
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
		if d.clock.Sleep(ctx, d.TelemetryInterval) != nil {
			return
		}
	}
}

// publications counts how often the gauge has published within the measured work so far.
func (s *sink) publications(w derive.Summary) int {
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
func (s *sink) energy(w derive.Summary) []harness.Entry {
	request, reason := s.energyRequest(w)
	if reason != "" {
		return s.without(reason, harness.Energy, harness.EnergyPerToken)
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
	add := func(metric string, value float64, unit, method string, width float64) {
		out = append(out, harness.Entry{Sample: &harness.Sample{
			Session: s.begin.ID, Metric: metric, Value: value, Unit: unit, At: w.WindowEnd.Add(request.ClockOffset),
			Source: harness.SourceHost, Method: method, Uncertainty: &width,
		}})
	}
	add(harness.Energy, figure.Joules, "J", figure.Method, figure.Uncertainty)
	if n := float64(w.WindowTokens); n > 0 {
		add(harness.EnergyPerToken, figure.Joules/n, "J", figure.Method, figure.Uncertainty/n)
	} else {
		out = append(out, s.without("the measured iterations generated no token", harness.EnergyPerToken)...)
	}
	for _, check := range figure.Checks {
		width := check.Ratio * (figure.Uncertainty/figure.Gross + check.Uncertainty/check.Joules)
		add(harness.EnergyCheck, check.Ratio, "ratio", check.Method, width)
		if check.Disagrees() {
			out = append(out, s.notice("energy", fmt.Sprintf(
				"the gauge's accumulators say %.4g J, %s says %.4g J (± %.2g): they differ by more than %.0f %%; the unit of this phone's counters "+
					"is not the assumed one, or its gauge is wrong",
				figure.Gross, check.Method, check.Joules, check.Uncertainty, 100*power.Disagreement)))
		}
	}
	return out
}

// energyRequest is what there is to compute the energy from, or the reason why there is nothing.
func (s *sink) energyRequest(w derive.Summary) (request power.Request, reason string) {
	switch {
	case s.d.TelemetryInterval <= 0:
		return request, "battery telemetry was off"
	case w.WindowBegin == nil:
		return request, "no measured iteration with a known time"
	case w.ClockFault != "":
		return request, w.ClockFault
	}
	request = power.Request{
		Readings: s.battery, Work: power.Span{Begin: *w.WindowBegin, End: *w.WindowEnd}, ClockOffset: s.fold.ClockOffset(),
	}
	if rest := s.begin.Case.Scenario.IdleBefore; s.rested != nil {
		request.Idle = &power.Span{Begin: s.rested.begin.Add(-request.ClockOffset), End: s.rested.end.Add(-request.ClockOffset)}
	} else if rest > 0 { // a launch that is collected: when it idled is known, how long exactly is not
		from := s.begin.At.Add(-request.ClockOffset)
		request.Idle = &power.Span{Begin: from, End: from.Add(rest)}
	}
	return request, ""
}

func (s *sink) without(reason string, metrics ...string) []harness.Entry {
	var out []harness.Entry
	for _, m := range metrics {
		out = append(out, harness.Entry{Absence: &harness.Absence{Session: s.begin.ID, Metric: m, Reason: reason}})
	}
	return out
}

// silenceLimit is how long a sampler may say nothing before people are told. Intervals of telemetry are a second or few.
const silenceLimit = 30 * time.Second

// silences tells where one of the host's samplers said nothing for long within the measured work: a gauge that stopped
// answering, a cable that was out.
func (s *sink) silences(w derive.Summary) []harness.Entry {
	if s.d.TelemetryInterval <= 0 || w.WindowBegin == nil || w.ClockFault != "" || !s.live {
		return nil
	}
	work := span{w.WindowBegin.Add(s.fold.ClockOffset()), w.WindowEnd.Add(s.fold.ClockOffset())}
	limit := max(silenceLimit, 5*s.d.TelemetryInterval)
	var out []harness.Entry
	for _, sampler := range []struct {
		name string
		at   []time.Time
	}{{"the battery's gauge", s.heard.battery}, {"the host's memory sampler", s.heard.footprint}} {
		if from, silent := longestSilence(sampler.at, work); silent > limit {
			out = append(out, s.notice("telemetry", fmt.Sprintf("%s gave no reading for %.0f s of the work, from %s on",
				sampler.name, silent.Seconds(), from.UTC().Format(time.TimeOnly))))
		}
	}
	return out
}

// longestSilence is the longest stretch of the work without a reading. A sampler that never spoke has its own absence.
func longestSilence(at []time.Time, work span) (from time.Time, longest time.Duration) {
	if len(at) == 0 {
		return work.begin, 0
	}
	last := work.begin
	for _, t := range append(at[:len(at):len(at)], work.end) {
		if t.After(work.end) {
			t = work.end
		}
		if d := t.Sub(last); d > longest {
			from, longest = last, d
		}
		if t.After(last) {
			last = t
		}
	}
	return from, longest
}
