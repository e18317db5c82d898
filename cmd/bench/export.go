package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

func exportCommand() command {
	return command{
		name: "export", summary: "write a recorded run for other tools", usage: "[RUN] --format gobench|csv|parquet|json [-o PATH] | --format metrickit -o FOLDER",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			format := flags.String("format", "gobench", "`format`: gobench (a line a session, for benchstat), csv or parquet (a line a reading) or json (a series a session); metrickit for every payload kept, byte for byte, a file each")
			output := flags.StringP("output", "o", "-", "`path` to write to; - is standard output")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if *format == "metrickit" {
					return exportMetricKit(ctx, env, dataFolder(env, *data), *output, rest)
				}
				write, ok := map[string]func(io.Writer, []metricSeries) error{"gobench": exportGoBench, "csv": exportCSV, "json": exportJSON, "parquet": exportParquet}[*format]
				if !ok {
					return 0, harness.UsageError("export", "There are gobench, csv, json, parquet and metrickit.", "no format is called %q", *format)
				}
				if len(rest) > 1 {
					return 0, noArguments("export", rest[1:])
				}
				recorder, err := store.OpenRecorded(ctx, dataFolder(env, *data))
				if err != nil {
					return 0, err
				}
				defer recorder.Close()
				series, err := exported(ctx, recorder, strings.Join(rest, ""))
				if err != nil {
					return 0, err
				}
				if *output == "-" {
					return exitOK, write(env.Stdout, series)
				}
				return exitOK, writeFile(*output, func(w io.Writer) error { return write(w, series) })
			}
		},
	}
}

// metricSeries is one metric of one session.
type metricSeries struct {
	Metric string `json:"metric"`
	harness.SessionSeries
}

// exported reads every metric of a run, metric by metric in the order of reports.
func exported(ctx context.Context, recorder *store.Store, run string) ([]metricSeries, error) {
	if run == "" {
		var err error
		if run, err = recorder.Latest(ctx, false); err != nil {
			return nil, err
		}
	}
	if _, err := recorder.Run(ctx, run); err != nil {
		return nil, err
	}
	of, err := recorder.SeriesOf(ctx, harness.SeriesQuery{Run: run})
	if err != nil {
		return nil, err
	}
	var out []metricSeries
	for _, m := range harness.Metrics() {
		for _, s := range of[m.Name] {
			out = append(out, metricSeries{m.Name, s})
		}
	}
	return out, nil
}

// exportGoBench writes the Go benchmark format: a line a session with its medians, since the session is what is
// replicated. The unit of a value is its metric's name: two metrics in seconds would be one to benchstat.
func exportGoBench(w io.Writer, series []metricSeries) error {
	var order []string
	values, begins, used := map[string][]string{}, map[string]*harness.SessionBegin{}, map[string]bool{}
	for _, s := range series {
		id := s.Begin.ID
		if _, ok := begins[id]; !ok {
			order, begins[id] = append(order, id), s.Begin
		}
		used[s.Metric] = true
		values[id] = append(values[id], strconv.FormatFloat(stats.Median(s.Values), 'g', -1, 64)+" "+s.Metric)
	}
	for _, m := range harness.Metrics() {
		if used[m.Name] {
			fmt.Fprintf(w, "Unit %s better=%s\n", m.Name, m.Better)
		}
	}
	for _, id := range order {
		b := begins[id]
		if _, err := fmt.Fprintf(w, "Benchmark%s/model=%s/device=%s/arm=%s 1 %s\n", benchName(strings.ToUpper(b.Case.Scenario.Name[:1])+b.Case.Scenario.Name[1:]),
			benchName(b.Case.Model.Name), benchName(b.Case.Device.ProductType), b.Planned.Arm, strings.Join(values[id], " ")); err != nil {
			return err
		}
	}
	return nil
}

// benchName keeps a word inside its part of a benchmark's name; a dash and digits at the end would be read as a number
// of processors.
func benchName(word string) string {
	return strings.NewReplacer(" ", "_", "/", "_", "=", "_", "-", "_").Replace(harness.PrintableLine(word))
}

func exportCSV(w io.Writer, series []metricSeries) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{"run", "session", "case", "udid", "arm", "pair", "build", "begin", "metric", "unit", "reading", "value"}); err != nil {
		return err
	}
	for _, s := range series {
		b := s.Begin
		for i, v := range s.Values {
			if err := out.Write([]string{s.Run, b.ID, b.Case.Key(), b.Fingerprint.UDID, string(b.Planned.Arm), strconv.Itoa(b.Planned.Pair), b.Build.Hash,
				b.At.UTC().Format("2006-01-02T15:04:05.000Z"), s.Metric, s.Unit, strconv.Itoa(i), strconv.FormatFloat(v, 'g', -1, 64)}); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

func exportJSON(w io.Writer, series []metricSeries) error {
	return reports.Indented(w, append([]metricSeries{}, series...))
}
