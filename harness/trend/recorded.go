package trend

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lilims/bench/harness"
)

// Recordings is what a trend reads of the recorded runs. A store has it; both methods are called at the same time from
// several goroutines.
type Recordings interface {
	// Cases returns every recorded case, once for each device.
	Cases(ctx context.Context) ([]harness.Case, error)
	// SeriesOf returns the sessions that a query selects, by metric, each in the order in which the sessions began. A metric
	// without readings is absent.
	SeriesOf(ctx context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error)
}

// Query selects histories.
type Query struct {
	Metrics []string                // names of metrics
	Cases   func(harness.Case) bool // which cases are meant; nil: all
	Since   time.Time               // only sessions from then on; zero: all
}

// CaseHistory is one metric of one case on one device, as it went on.
type CaseHistory struct {
	Case      string    `json:"case"`
	Device    string    `json:"device"`
	Metric    string    `json:"metric"`
	Unit      string    `json:"unit"`
	Stretches []Stretch `json:"stretches"` // oldest first
}

// Histories are the histories of the recorded cases that a query selects, in the order of the cases and of its metrics. A
// metric without readings has none. Cases are read on as many processors as there are. A reading that no history can be
// made of is an error of kind usage that names it.
func Histories(ctx context.Context, recordings Recordings, query Query) ([]CaseHistory, error) {
	cases, err := recordings.Cases(ctx)
	if err != nil {
		return nil, err
	}
	if query.Cases != nil {
		cases = slices.DeleteFunc(cases, func(c harness.Case) bool { return !query.Cases(c) })
	}
	each := make([][]CaseHistory, len(cases))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i, c := range cases {
		workers.Go(func() (err error) {
			each[i], err = query.histories(ctx, recordings, c)
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(each...), nil
}

// histories reads the metrics of one case in one pass.
func (q Query) histories(ctx context.Context, recordings Recordings, c harness.Case) ([]CaseHistory, error) {
	selected := harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Arm: harness.ArmCandidate, Since: q.Since, Summary: true}
	of, err := recordings.SeriesOf(ctx, selected, q.Metrics...)
	if err != nil {
		return nil, err
	}
	var out []CaseHistory
	for _, name := range q.Metrics {
		metric, ok := harness.MetricNamed(name)
		if !ok {
			return nil, fmt.Errorf("metric %q is not known", name)
		}
		stretches, err := History(metric, of[metric.Name])
		if err != nil {
			return nil, harness.UsageError("trend", "The run's report shows the reading.", "%s: %w", c.Key(), err)
		}
		if len(stretches) > 0 {
			out = append(out, CaseHistory{Case: c.Key(), Device: c.Device.Name, Metric: metric.Name, Unit: metric.Unit, Stretches: stretches})
		}
	}
	return out, nil
}
