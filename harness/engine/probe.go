package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/preflight"
	"github.com/lilims/bench/harness/wire"
)

// References keeps how fast each device is when it is cold.
type References interface {
	// Reference returns the latest reference of a key, and whether there is one.
	Reference(ctx context.Context, key harness.ReferenceKey) (harness.Reference, bool, error)
	// KeepReference adds a reference; the ones before it stay on record.
	KeepReference(ctx context.Context, reference harness.Reference) error
}

// probeWork is how long a probe generates after its warm-up: long enough for a mean speed, too short to heat the device.
const probeWork = time.Second

// probeScenario is what a probe asks: the same everywhere, on the session's compute units.
func probeScenario(s harness.Scenario) harness.Scenario {
	return harness.Scenario{
		Name: "probe", Prompt: "Once upon a time there was a little", GenerateTokens: 8, Warmups: 1, Duration: probeWork, Sessions: 1,
		ComputeUnits: s.ComputeUnits, StartThermal: harness.ThermalNominal, SessionTimeout: s.SessionTimeout,
	}
}

// probe launches the app for a moment and compares its speed with the device's cold reference. A probe that gives no speed
// holds nothing up: the session will tell what is wrong.
func (w *wait) probe(ctx context.Context, state harness.DeviceState) (preflight.Decision, error) {
	pass := preflight.Decision{Answer: preflight.Go}
	probe, why, err := w.launchProbe(ctx)
	if err != nil {
		return pass, err
	}
	if why != "" {
		w.note("probe", "no speed from the probe: "+why)
		return pass, nil
	}
	w.reading(probe)
	key := w.key()
	known, found, err := w.d.References.Reference(ctx, key)
	if err != nil {
		return pass, storage("read the cold reference", err)
	}
	if !found || w.d.renewing(key) {
		return w.establish(ctx, key, probe, state)
	}
	decision := preflight.CheckProbe(probe, &known, w.d.Policy, w.begin.Case.Scenario)
	switch faster := probe.TokS/known.TokS - 1; {
	case decision.Answer != preflight.Go:
		w.note("probe", decision.Reason())
	case faster > w.d.Policy.ProbeTolerance:
		w.note("probe", fmt.Sprintf("%.4g tok/s, %.1f %% above this device's cold reference of %.4g tok/s (run %s): it may have been taken "+
			"warm; --renew-reference takes a new one",
			probe.TokS, 100*faster, known.TokS, known.Run))
	default:
		w.note("probe", fmt.Sprintf(
			"%.4g tok/s, %+.1f %% of this device's cold reference of %.4g tok/s (run %s)", probe.TokS, 100*faster, known.TokS, known.Run,
		))
	}
	return decision, nil
}

// establish makes a probe the device's cold reference when a second one, after a pause, is not faster: a state that still
// says nominal lags behind a chip that was at work a moment ago.
func (w *wait) establish(ctx context.Context, key harness.ReferenceKey, probe preflight.Probe, state harness.DeviceState) (
	preflight.Decision, error,
) {
	decision := preflight.CheckProbe(probe, nil, w.d.Policy, w.begin.Case.Scenario)
	before := w.first
	w.first = &probe
	switch {
	case decision.Answer != preflight.Go:
		w.note("probe", decision.Reason())
		w.first = nil
		return decision, nil
	case before == nil:
		return preflight.Decision{Answer: preflight.Wait, Reasons: []string{"a second probe is to confirm the cold reference"}}, nil
	case probe.TokS > before.TokS*(1+w.d.Policy.ProbeTolerance):
		w.note("probe", fmt.Sprintf("%.4g tok/s after a pause, %.4g tok/s before it: the device was still warm", probe.TokS, before.TokS))
		return preflight.Decision{Answer: preflight.Wait, Reasons: []string{"a further probe is to confirm the cold reference"}}, nil
	}
	w.first = nil
	kept := harness.Reference{
		Key: key, TokS: max(probe.TokS, before.TokS), Run: w.d.run.ID, Session: w.begin.ID, At: w.d.clock.Now(), State: state,
	}
	if err := w.d.References.KeepReference(context.WithoutCancel(ctx), kept); err != nil {
		return decision, storage("keep the cold reference", err)
	}
	w.d.renewed(key)
	w.note("probe", fmt.Sprintf("%.4g tok/s, confirmed, is this device's cold reference from now on", kept.TokS))
	return decision, nil
}

// key says what the cold reference of this session's device belongs to.
func (w *wait) key() harness.ReferenceKey {
	f := w.begin.Fingerprint
	return harness.ReferenceKey{UDID: f.UDID, OSBuild: f.OSBuild, ModelHash: f.ModelHash, BuildHash: w.begin.Build.Hash,
		Probe: probeScenario(w.begin.Case.Scenario).Hash()}
}

// reading keeps the probe's speed with the session.
func (w *wait) reading(p preflight.Probe) {
	w.entries = append(w.entries, harness.Entry{Session: w.begin.ID, Sample: &harness.Sample{
		Session: w.begin.ID, Metric: harness.ProbeTokS, Value: p.TokS, Unit: "tok/s", At: w.d.clock.Now(),
		Phase: "probe", Source: harness.SourceDerived, Method: "tokens after the first over the time between, all of a probe",
	}})
}

// launchProbe makes one probe. why says what kept it from telling a speed.
func (w *wait) launchProbe(ctx context.Context) (probe preflight.Probe, why string, err error) {
	w.probes++
	w.d.tell(Progress{Step: "probing for heat"})
	begin := w.begin
	begin.Case.Scenario = probeScenario(begin.Case.Scenario)
	// The name holds the time: a phone keeps the files of a probe that an earlier execution made for the same session,
	// and the app takes a plan that was carried out for done.
	begin.ID = fmt.Sprintf("%s-probe-%d-%d", w.begin.ID, w.d.clock.Now().Unix(), w.probes)
	s := &probeSink{fold: derive.NewFold(derive.Expect{Session: begin.ID, Duration: probeWork})}
	exit, err := w.d.limited(ctx, begin, func(ctx context.Context, task harness.Task) (harness.Exit, error) {
		task.TelemetryInterval = 0
		return w.d.handle.Run(ctx, task, s)
	})
	switch {
	case err != nil:
		return probe, "", named(err, "probe device", w.d.device)
	case ctx.Err() != nil:
		return probe, "", ctx.Err()
	case exit.Outcome == harness.OutcomeDeviceLost:
		return probe, "", &harness.Error{Kind: harness.KindDevice, Op: "probe device", Device: label(w.d.device), Err: errors.New(exit.Reason),
			Hint: "Reconnect the device and resume the run."}
	}
	summary := s.fold.Summary()
	probe.Thermal = summary.ThermalWorst
	if exit.Outcome != harness.OutcomeOK || s.seconds <= 0 {
		return probe, fmt.Sprintf("it ended %s after %d measured iterations: %s", exit.Outcome, summary.Measured, cmp.Or(
			exit.Reason, summary.ErrorMessage, "no reason given",
		)), nil
	}
	probe.TokS = float64(s.tokens) / s.seconds
	return probe, "", nil
}

// probeSink folds a probe's lines and keeps what matters of them. They are not recorded: a probe is no session.
type probeSink struct {
	fold    *derive.Fold
	tokens  int     // after the first, of the iterations that count
	seconds float64 // from the first to the last
}

func (s *probeSink) Line(number int, text []byte) {
	for _, it := range s.fold.Add(wire.DecodeLine(number, text), time.Time{}).Iterations {
		if n := len(it.TokenNs); !it.Warmup && it.Outcome == harness.OutcomeOK && n > 1 {
			s.tokens += n - 1
			s.seconds += float64(it.TokenNs[n-1]-it.TokenNs[0]) / 1e9
		}
	}
}

func (s *probeSink) Battery(harness.BatteryReading) {}
func (s *probeSink) Sample(harness.Sample)          {}
func (s *probeSink) Notice(harness.Progress)        {}
func (s *probeSink) Note(string, string)            {}
func (s *probeSink) Payload(string, []byte)         {}

// renewing reports whether a key's reference is to be taken anew: once in an execution that was asked to.
func (x *execution) renewing(key harness.ReferenceKey) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.RenewReferences && !x.renewedOf[key]
}

func (x *execution) renewed(key harness.ReferenceKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.renewedOf[key] = true
}
