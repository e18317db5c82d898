package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/prelaunch"
	"github.com/lilims/bench/harness/stats"
)

// kindsOfRunner are the kinds of devices whose runs count, the one that is preferred first: what a phone said is never
// replaced by what a virtual one says later.
var kindsOfRunner = map[string][]harness.DeviceKind{
	runnerIPhone:    {harness.KindIPhone, harness.KindVirtual},
	runnerSimulated: {harness.KindSimulated},
}

// asked is what launches must be of to count.
type asked struct {
	product  string
	model    harness.Model
	scenario string
	hash     string // of the scenario; empty: any
	build    string // hash; empty: a candidate of any build
}

func (a asked) key() string { return a.product + "/" + a.model.Name + "/" + a.scenario }

// fits reports whether launches of a case and build count. Ones that nearly do say what they are of instead.
func (a asked) fits(c harness.Case, arm harness.Arm, b harness.Build) (fits bool, instead string) {
	switch {
	case c.Key() != a.key() || a.build == "" && arm != harness.ArmCandidate:
		return false, ""
	case c.Model.Hash != a.model.Hash:
		return false, "another conversion of the model"
	case a.hash != "" && c.Scenario.Hash() != a.hash:
		return false, "another form of the scenario"
	case a.build != "" && b.Hash != a.build:
		return false, "another build, " + buildName(b)
	}
	return true, ""
}

func (a asked) fitsSession(b harness.SessionBegin) bool {
	fits, _ := a.fits(b.Case, b.Planned.Arm, b.Build)
	return fits
}

// buildName is a build's revision, or where it has none the beginning of its hash.
func buildName(b harness.Build) string {
	if b.Revision != "" && b.Revision != "unknown" {
		return b.Revision
	}
	return b.Hash[:min(len(b.Hash), 12)]
}

// launches are those of one run that count, each planned session by its last attempt.
type launches struct {
	run      string
	sessions []harness.SessionState
}

// newest finds the latest run with launches of what is asked, on the first of the kinds of devices that has any; nil:
// there is none, for the reason in why. A run counts whatever became of it: an older one that ended better is not taken
// in its place.
func (r *release) newest(ctx context.Context, a asked, kinds []harness.DeviceKind) (found *launches, why string, err error) {
	for _, kind := range kinds {
		for _, run := range r.runs {
			planned, instead := plansOf(run.Run, kind, a)
			if instead != "" && why == "" {
				why = fmt.Sprintf("run %s is of %s", run.Run.ID, instead)
			}
			if !planned {
				continue
			}
			state, err := r.recorder.Load(ctx, run.Run.ID)
			if err != nil {
				return nil, "", err
			}
			sessions := slices.DeleteFunc(state.Counting(), func(s harness.SessionState) bool { return !a.fitsSession(s.Begin) })
			if len(sessions) > 0 {
				return &launches{run.Run.ID, sessions}, "", nil
			}
		}
	}
	if why == "" {
		why = fmt.Sprintf("no run of %s is recorded of %s", a.key(), strings.Join(kindNames(kinds), " or "))
	}
	return nil, why + "; --measure makes one", nil
}

func kindNames(kinds []harness.DeviceKind) []string {
	names := map[harness.DeviceKind]string{harness.KindIPhone: "a phone", harness.KindVirtual: "a virtual one", harness.KindSimulated: "a simulated device"}
	var out []string
	for _, k := range kinds {
		out = append(out, names[k])
	}
	return out
}

// plansOf reports whether a run has planned launches of what is asked, or what the nearest are of instead.
func plansOf(run harness.Run, kind harness.DeviceKind, a asked) (fits bool, instead string) {
	for _, c := range run.Plan.Cases {
		for _, b := range run.Plan.Builds {
			if c.Device.Kind != kind {
				continue
			}
			ok, near := a.fits(c, b.Arm, b)
			if ok {
				return true, ""
			}
			if instead == "" {
				instead = near
			}
		}
	}
	return false, instead
}

// ends are those of launches that did not end well.
func (l launches) ends() []prelaunch.End {
	var out []prelaunch.End
	for _, s := range l.sessions {
		end := prelaunch.End{Run: l.run, Session: s.Begin.ID}
		if s.End != nil {
			end.Outcome, end.Reason = s.End.Outcome, s.End.Reason
		}
		if end.Outcome != harness.OutcomeOK {
			out = append(out, end)
		}
	}
	return out
}

// judge makes the gates of a promise, one for each metric that it bounds.
func (r *release) judge(ctx context.Context, p promise) ([]prelaunch.Gate, error) {
	a := asked{product: p.device.ProductType, model: p.model, scenario: p.scenario.Name, hash: p.scenario.Hash(), build: r.build}
	found, why, err := r.newest(ctx, a, kindsOfRunner[r.runner])
	if err != nil {
		return nil, err
	}
	if p.failed != "" {
		why = p.failed
	}
	var out []prelaunch.Gate
	for _, m := range harness.Metrics() {
		bound, claimed := p.bounds[m.Name]
		switch {
		case !claimed:
		case found == nil:
			out = append(out, prelaunch.Measured(p.gate, p.about(), m, bound, nil, why))
		default:
			evidence, why, err := r.evidence(ctx, *found, a, m.Name)
			if err != nil {
				return nil, err
			}
			out = append(out, prelaunch.Measured(p.gate, p.about(), m, bound, evidence, why).After(found.ends()))
		}
	}
	return out, nil
}

// evidence is the median of the sessions' medians of each unit, or why there is none.
func (r *release) evidence(ctx context.Context, l launches, a asked, metric string) ([]prelaunch.Evidence, string, error) {
	series, err := r.series(ctx, l, a, metric)
	if err != nil {
		return nil, "", err
	}
	if len(series) == 0 {
		why, err := r.absence(ctx, l, a, metric)
		return nil, why, err
	}
	var out []prelaunch.Evidence
	for _, unit := range gate.DevicesOf(series) {
		of := gate.OfDevice(series, unit)
		var medians []float64
		for _, s := range of {
			medians = append(medians, stats.Median(s.Values))
		}
		e := evidenceOf(of)
		e.What, e.Value = "median of the sessions' medians", stats.Median(medians)
		if harness.OncePerSession(metric) {
			e.What = "median of the sessions"
		}
		out = append(out, e)
	}
	return out, "", nil
}

func (r *release) series(ctx context.Context, l launches, a asked, metric string) ([]harness.SessionSeries, error) {
	series, err := r.recorder.Series(ctx, harness.SeriesQuery{Run: l.run, Case: a.key(), Metric: metric, Summary: true})
	return slices.DeleteFunc(series, func(s harness.SessionSeries) bool { return !a.fitsSession(*s.Begin) }), err
}

// evidenceOf says where sessions of one unit are from.
func evidenceOf(of []harness.SessionSeries) prelaunch.Evidence {
	last := of[len(of)-1]
	device, at := last.Begin.Case.Device, last.Begin.At
	return prelaunch.Evidence{Unit: last.Unit, Run: last.Run, Device: device.Name, Kind: device.Kind, Build: buildName(last.Begin.Build), Sessions: len(of), At: &at}
}

// absence is why no session of a run has a metric, as far as they say.
func (r *release) absence(ctx context.Context, l launches, a asked, metric string) (string, error) {
	recorded, err := r.recorder.Read(ctx, l.run)
	if err != nil {
		return "", err
	}
	var reasons []string
	for _, s := range recorded.Counting() {
		for _, absent := range s.Absences {
			if absent.Metric == metric && a.fitsSession(s.Begin) && !slices.Contains(reasons, absent.Reason) {
				reasons = append(reasons, absent.Reason)
			}
		}
	}
	if len(reasons) == 0 {
		reasons = []string{"no session has a reading of it"}
	}
	return fmt.Sprintf("run %s: %s", l.run, strings.Join(reasons, "; ")), nil
}

// memoryGate rests on the model's shape, and on the latest run of each scenario on the phone that the model must fit.
func (r *release) memoryGate(ctx context.Context) (prelaunch.Gate, error) {
	var peaks []prelaunch.Evidence
	var killed []prelaunch.End
	for _, kind := range kindsOfRunner[r.runner] {
		if len(peaks)+len(killed) > 0 {
			break // the preferred kind has spoken
		}
		for _, scenario := range r.scenariosOn(r.memory.ProductType) {
			highest, ends, err := r.footprints(ctx, asked{product: r.memory.ProductType, model: r.model, scenario: scenario, build: r.build}, kind)
			if err != nil {
				return prelaunch.Gate{}, err
			}
			peaks, killed = append(peaks, highest...), append(killed, ends...)
		}
	}
	shape, why := r.shape()
	return prelaunch.Memory(r.memory, r.claims.Memory.Context, shape, why, peaks).After(killed), nil
}

// footprints are the highest of the latest run on a kind of device, and the launches that were killed for memory.
func (r *release) footprints(ctx context.Context, a asked, kind harness.DeviceKind) ([]prelaunch.Evidence, []prelaunch.End, error) {
	found, _, err := r.newest(ctx, a, []harness.DeviceKind{kind})
	if err != nil || found == nil {
		return nil, nil, err
	}
	killed := slices.DeleteFunc(found.ends(), func(e prelaunch.End) bool { return e.Outcome != harness.OutcomeJetsam })
	peaks, err := r.highest(ctx, *found, a)
	return peaks, killed, err
}

// highest is the highest footprint of each unit, by the app's own sight and by the kernel's.
func (r *release) highest(ctx context.Context, l launches, a asked) ([]prelaunch.Evidence, error) {
	var out []prelaunch.Evidence
	for _, metric := range []string{harness.PeakFootprint, harness.LifetimePeak} {
		series, err := r.series(ctx, l, a, metric)
		if err != nil {
			return nil, err
		}
		for _, unit := range gate.DevicesOf(series) {
			of := gate.OfDevice(series, unit)
			e := evidenceOf(of)
			e.What = metric + " of " + a.scenario
			for _, s := range of {
				e.Value = max(e.Value, slices.Max(s.Values))
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// scenariosOn are the scenarios of which a run with the release's model is recorded on a product type.
func (r *release) scenariosOn(product string) []string {
	var out []string
	for _, run := range r.runs {
		for _, c := range run.Run.Plan.Cases {
			if c.Device.ProductType == product && c.Model.Name == r.model.Name && !slices.Contains(out, c.Scenario.Name) {
				out = append(out, c.Scenario.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}
