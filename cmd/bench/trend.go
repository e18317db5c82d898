package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	flag "github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/store"
)

// trendFlags is what `bench trend` is asked for: a file, or a part of what is recorded.
type trendFlags struct {
	series                  string
	json                    bool
	device, model, scenario string
	metrics                 words
	since                   time.Duration
	data, configs           *string
}

func trendCommand() command {
	return command{
		name: "trend", summary: "find lasting changes in a history", usage: "[--device NAME] [--model M] [--scenario S] [--metric X]   or   --series FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			f := trendFlags{data: dataFlag(flags), configs: configsFlag(flags)}
			flags.StringVar(&f.series, "series", "", "`file` with a Name and a Series of nightly medians, oldest first (- reads standard input)")
			flags.BoolVar(&f.json, "json", false, "print nights, changes and outliers as JSON")
			flags.StringVar(&f.device, "device", "", "only this device: `name`, UDID or product type (default all that are recorded)")
			flags.StringVar(&f.model, "model", "", "only this `model`")
			flags.StringVar(&f.scenario, "scenario", "", "only this `scenario`")
			flags.Var(&f.metrics, "metric", "`metric` to look at (default "+harness.DecodeTokS+"); repeat the flag for several")
			flags.DurationVar(&f.since, "since", 0, "only the latest so much `time`, such as 2160h (default all)")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("trend", rest); err != nil {
					return 0, err
				}
				if f.series != "" {
					return trendOfFile(env, f.series, f.json)
				}
				return f.recorded(ctx, env)
			}
		},
	}
}

// caseHistory is one metric of one case on one unit, as it went on.
type caseHistory struct {
	Case      string         `json:"case"`
	Device    string         `json:"device"`
	Metric    string         `json:"metric"`
	Unit      string         `json:"unit"`
	Stretches []gate.Stretch `json:"stretches"`
}

// recorded looks at the history of every case that was asked for.
func (f *trendFlags) recorded(ctx context.Context, env Env) (int, error) {
	if len(f.metrics) == 0 {
		f.metrics = words{harness.DecodeTokS}
	}
	for i, named := range f.metrics {
		m, ok := harness.MetricNamed(named)
		if !ok {
			return 0, harness.UsageError("trend", "The metrics are: "+strings.Join(compare.MetricNames(), ", ")+".", "metric %q is not known", named)
		}
		f.metrics[i] = m.Name
	}
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *f.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	cases, err := f.cases(ctx, recorder)
	if err != nil {
		return 0, err
	}
	out := []caseHistory{}
	histories, err := f.allHistories(ctx, env, recorder, cases)
	if err != nil {
		return 0, err
	}
	for _, of := range histories {
		out = append(out, of...)
	}
	if len(out) == 0 {
		return 0, harness.UsageError("trend", "bench runs lists what is recorded.", "no session of that selection has a reading of %s", strings.Join(f.metrics, " or "))
	}
	if f.json {
		return exitOK, printHistories(env.Stdout, out)
	}
	for _, history := range out {
		printHistory(env.Stdout, history)
	}
	return exitOK, nil
}

// cases are the recorded cases that fit the selection, each once, in the order of their names.
func (f *trendFlags) cases(ctx context.Context, recorder *store.Store) ([]harness.Case, error) {
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return nil, err
	}
	all, err := recorder.Cases(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c harness.Case) bool {
		return f.model != "" && f.model != c.Model.Name || f.scenario != "" && f.scenario != c.Scenario.Name || !f.means(c.Device, catalog)
	}), nil
}

// means reports whether the device that a person named is this one.
func (f *trendFlags) means(d harness.Device, catalog harness.Catalog) bool {
	if f.device == "" || f.device == d.UDID || strings.EqualFold(f.device, d.Name) || strings.EqualFold(f.device, d.ProductType) {
		return true
	}
	word := plain(f.device)
	profile, ok := profileNamed(d.ProductType, catalog)
	return word == plain(d.Name) || ok && word == plain(profile.Name) && !d.Kind.Synthetic()
}

// allHistories reads the cases on as many processors as there are, and returns their histories in the cases' order.
func (f *trendFlags) allHistories(ctx context.Context, env Env, recorder *store.Store, cases []harness.Case) ([][]caseHistory, error) {
	out := make([][]caseHistory, len(cases))
	err := inParallel(len(cases), func(i int) (err error) {
		out[i], err = f.histories(ctx, env, recorder, cases[i])
		return err
	})
	return out, err
}

// inParallel runs do for 0 to n-1 on as many processors as there are, and returns the first error.
func inParallel(n int, do func(i int) error) error {
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		workers.Go(func() error { return do(i) })
	}
	return workers.Wait()
}

// printHistories prints what printJSON would. A year of a lab is tens of megabytes, so the histories are written out on
// as many processors as there are.
func printHistories(w io.Writer, all []caseHistory) error {
	texts := make([][]byte, len(all))
	err := inParallel(len(all), func(i int) (err error) {
		texts[i], err = json.MarshalIndent(all[i], "  ", "  ")
		return err
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w) // whose first error is that of Flush
	out.WriteString("[")
	for i, text := range texts {
		if i > 0 {
			out.WriteString(",")
		}
		out.WriteString("\n  ")
		out.Write(text)
	}
	out.WriteString("\n]\n")
	return out.Flush()
}

// histories reads the metrics of one case in one pass. A metric without readings has none.
func (f *trendFlags) histories(ctx context.Context, env Env, recorder *store.Store, c harness.Case) ([]caseHistory, error) {
	query := harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Arm: harness.ArmCandidate, Summary: true}
	if f.since > 0 {
		query.Since = env.Clock.Now().Add(-f.since)
	}
	of, err := recorder.SeriesOf(ctx, query, f.metrics...)
	if err != nil {
		return nil, err
	}
	var out []caseHistory
	for _, name := range f.metrics {
		metric, _ := harness.MetricNamed(name) // recorded has looked
		history := caseHistory{Case: c.Key(), Device: c.Device.Name, Metric: metric.Name, Unit: metric.Unit}
		if history.Stretches, err = gate.History(metric, of[name]); err != nil {
			return nil, harness.UsageError("trend", "The run's report shows the reading.", "%s: %w", c.Key(), err)
		}
		if len(history.Stretches) > 0 {
			out = append(out, history)
		}
	}
	return out, nil
}

func printHistory(w io.Writer, h caseHistory) {
	fmt.Fprintf(w, "%s  %s  %s\n", h.Case, harness.PrintableLine(h.Device), h.Metric)
	for _, s := range h.Stretches {
		if len(s.Changed) > 0 {
			fmt.Fprintf(w, "  -- not compared across: %s\n", harness.PrintableLine(strings.Join(s.Changed, ", ")))
		}
		first, last := s.Nights[0], s.Nights[len(s.Nights)-1]
		fmt.Fprintf(w, "  %s to %s: %s, latest %.4g %s", first.Night, last.Night, harness.Count(len(s.Nights), "night"), last.Value, h.Unit)
		if s.Sigma > 0 {
			fmt.Fprintf(w, ", a night varies by %.1f %%", 100*s.Sigma)
		}
		fmt.Fprintln(w)
		if len(s.Nights) < stats.TrendMinimum {
			fmt.Fprintf(w, "    too few nights to look for changes: %d are needed\n", stats.TrendMinimum)
		}
		for _, c := range s.Changes {
			words := "better"
			if c.Worse {
				words = "worse"
			}
			if c.Provisional {
				words += ", provisional"
			}
			fmt.Fprintf(w, "    from %s: %.4g -> %.4g %s, %+.1f %% (%s)\n", c.Night, c.Before, c.After, h.Unit, 100*c.Change, words)
		}
		for _, n := range s.Nights {
			if n.Outlier {
				fmt.Fprintf(w, "    %s stands apart: %.4g %s\n", n.Night, n.Value, h.Unit)
			}
		}
	}
}
