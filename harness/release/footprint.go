package release

import (
	"context"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// memoryCheck rests on the model's shape, and on the latest run of each scenario on the phone that the model must fit.
func (e *evaluation) memoryCheck(ctx context.Context) (Check, error) {
	var peaks []Evidence
	var killed []End
	for _, kind := range e.kinds {
		if len(peaks)+len(killed) > 0 {
			break // the preferred kind has spoken
		}
		for _, scenario := range e.scenariosOn(e.memory.ProductType) {
			a := asked{product: e.memory.ProductType, model: e.model.Model, scenario: scenario, build: e.build}
			highest, ends, err := e.footprints(ctx, a, kind)
			if err != nil {
				return Check{}, err
			}
			peaks, killed = append(peaks, highest...), append(killed, ends...)
		}
	}
	shape, why := e.model.shape()
	return Memory(e.memory, e.claims.Memory.Context, shape, why, peaks).After(killed), nil
}

// footprints are the highest of the latest run on a kind of device, and the launches that were killed for memory.
func (e *evaluation) footprints(ctx context.Context, a asked, kind harness.DeviceKind) ([]Evidence, []End, error) {
	found, _, err := e.newest(ctx, a, []harness.DeviceKind{kind})
	if err != nil || found == nil {
		return nil, nil, err
	}
	killed := slices.DeleteFunc(found.ends(), func(end End) bool { return end.Outcome != harness.OutcomeJetsam })
	peaks, err := e.highest(ctx, *found, a)
	return peaks, killed, err
}

// highest is the highest footprint of each device, by the app's own sight and by the kernel's.
func (e *evaluation) highest(ctx context.Context, l launches, a asked) ([]Evidence, error) {
	var out []Evidence
	for _, metric := range []string{harness.PeakFootprint, harness.LifetimePeak} {
		m, _ := harness.MetricNamed(metric)
		series, err := e.series(ctx, l, a, metric)
		if err != nil {
			return nil, err
		}
		for _, device := range gate.DevicesOf(series) {
			of := gate.OfDevice(series, device)
			one := evidenceOf(of)
			one.What = m.Label + " of " + a.scenario
			for _, s := range of {
				one.Value = max(one.Value, slices.Max(s.Values))
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// scenariosOn are the scenarios of which a run with the release's model is recorded on a product type.
func (e *evaluation) scenariosOn(product string) []string {
	var out []string
	for _, run := range e.runs {
		for _, c := range run.Run.Plan.Cases {
			if c.Device.ProductType == product && c.Model.Name == e.model.Name && !slices.Contains(out, c.Scenario.Name) {
				out = append(out, c.Scenario.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}
