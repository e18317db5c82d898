package main

import (
	"context"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/harness/trend"
	"github.com/lilims/bench/reports"
)

// trendFlags is what `bench trend` is asked for: a file, or a part of what is recorded.
type trendFlags struct {
	series                  string
	json                    bool
	device, model, scenario string
	metrics                 words
	since                   days
	data, configs           *string
}

func trendCommand() command {
	return command{
		name: "trend", summary: "find lasting changes of a metric over time",
		usage: "[--device NAME] [--model M] [--scenario S] [--metric X]   or   --series FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			f := trendFlags{data: dataFlag(flags), configs: configsFlag(flags)}
			flags.StringVar(&f.series, "series", "", "`file` with a Name and a Series of nightly medians, oldest first (- reads standard input)")
			flags.BoolVar(&f.json, "json", false, "print nights, changes and outliers as JSON")
			flags.StringVar(&f.device, "device", "", "only this device: `name`, UDID or product type (default all that are recorded)")
			flags.StringVar(&f.model, "model", "", "only this `model`")
			flags.StringVar(&f.scenario, "scenario", "", "only this `scenario`")
			flags.Var(&f.metrics, "metric", "`metric` to analyse, by its label or name (default decode); repeat the flag for several")
			flags.Var(&f.since, "since", "only the last `time`, such as 90d or 36h (default all)")
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

// recorded looks at the history of every case that was asked for.
func (f *trendFlags) recorded(ctx context.Context, env Env) (int, error) {
	if len(f.metrics) == 0 {
		f.metrics = words{harness.DecodeTokS}
	}
	for i, named := range f.metrics {
		m, ok := harness.MetricNamed(named)
		if !ok {
			return 0, harness.UsageError("trend", "Metrics: "+compare.MetricLabels()+".", "metric %q is not known", named)
		}
		f.metrics[i] = m.Name
	}
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return 0, err
	}
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *f.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	query := trend.Query{Metrics: f.metrics, Cases: func(c harness.Case) bool {
		return (f.model == "" || f.model == c.Model.Name) && (f.scenario == "" || f.scenario == c.Scenario.Name) && f.means(c.Device, catalog)
	}}
	if f.since > 0 {
		query.Since = env.Clock.Now().Add(-time.Duration(f.since))
	}
	found, err := trend.Histories(ctx, recorder, query)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, harness.UsageError("trend", "bench runs lists what is recorded.", "no session of that selection has a reading of %s",
			strings.Join(f.metrics, " or "))
	}
	if f.json {
		return exitOK, reports.Histories(found).JSON(env.Stdout)
	}
	return exitOK, reports.Histories(found).Text(env.Stdout)
}

// means reports whether the device that a person named is this one.
func (f *trendFlags) means(d harness.Device, catalog harness.Catalog) bool {
	if f.device == "" || f.device == d.UDID || strings.EqualFold(f.device, d.Name) || strings.EqualFold(f.device, d.ProductType) {
		return true
	}
	profile, ok := plan.ProfileNamed(d.ProductType, catalog)
	return plan.SameName(f.device, d.Name) || ok && plan.SameName(f.device, profile.Name) && !d.Kind.Synthetic()
}
