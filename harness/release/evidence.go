package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
)

// check makes the checks of a claim, one for each metric that it bounds.
func (e *evaluation) check(ctx context.Context, c Claim) ([]Check, error) {
	a := asked{product: c.Device.ProductType, model: c.Model, scenario: c.Scenario.Name, hash: c.Scenario.Hash(), build: e.build}
	found, why, err := e.newest(ctx, a, e.kinds)
	if err != nil {
		return nil, err
	}
	if c.failed != "" {
		why = c.failed
	}
	var out []Check
	for _, m := range harness.Metrics() {
		bound, claimed := c.Bounds[m.Name]
		switch {
		case !claimed:
		case found == nil:
			out = append(out, Measured(c.Check, c.about(), m, bound, nil, why))
		default:
			evidence, why, err := e.evidence(ctx, *found, a, m.Name)
			if err != nil {
				return nil, err
			}
			out = append(out, Measured(c.Check, c.about(), m, bound, evidence, why).After(found.ends()))
		}
	}
	return out, nil
}

// evidence is the median of the sessions' medians of each device, or why there is none.
func (e *evaluation) evidence(ctx context.Context, l launches, a asked, metric string) ([]Evidence, string, error) {
	series, err := e.series(ctx, l, a, metric)
	if err != nil {
		return nil, "", err
	}
	if len(series) == 0 {
		why, err := e.absence(ctx, l, a, metric)
		return nil, why, err
	}
	var out []Evidence
	for _, device := range gate.DevicesOf(series) {
		of := gate.OfDevice(series, device)
		var medians []float64
		for _, s := range of {
			medians = append(medians, stats.Median(s.Values))
		}
		one := evidenceOf(of)
		one.What, one.Value = "median of the sessions' medians", stats.Median(medians)
		if harness.OncePerSession(metric) {
			one.What = "median of the sessions"
		}
		out = append(out, one)
	}
	return out, "", nil
}

func (e *evaluation) series(ctx context.Context, l launches, a asked, metric string) ([]harness.SessionSeries, error) {
	series, err := e.recordings.Series(ctx, harness.SeriesQuery{Run: l.run, Case: a.key(), Metric: metric, Summary: true})
	return slices.DeleteFunc(series, func(s harness.SessionSeries) bool { return !a.fitsSession(*s.Begin) }), err
}

// evidenceOf says where sessions of one device are from.
func evidenceOf(of []harness.SessionSeries) Evidence {
	last := of[len(of)-1]
	device, at := last.Begin.Case.Device, last.Begin.At
	return Evidence{Unit: last.Unit, Run: last.Run, Device: device.Name, Kind: device.Kind, Build: buildName(last.Begin.Build),
		Sessions: len(of), At: &at}
}

// absence is why no session of a run has a metric, as far as they say.
func (e *evaluation) absence(ctx context.Context, l launches, a asked, metric string) (string, error) {
	recorded, err := e.recordings.Read(ctx, l.run)
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
		reasons = []string{"no session has a reading"}
	}
	return fmt.Sprintf("run %s: %s", l.run, strings.Join(reasons, "; ")), nil
}
