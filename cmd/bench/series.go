package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
	"github.com/lilims/bench/harness/gate/simulation"
	"github.com/lilims/bench/harness/stats"
)

// gateSeries is one case in a file: raw iterations of each session of both arms, paired by position.
type gateSeries struct {
	Name      string
	Metric    string // absent: decode_tok_s
	Better    string // higher or lower; absent: the metric's own
	Threshold float64
	Guard     float64
	Alpha     float64 `json:"alpha_fail_total"`
	Looks     []int
	S0        *float64
	Baseline  [][]float64
	Candidate [][]float64
}

func judgeFile(env Env, file string, strict, asJSON bool) (int, error) {
	var in gateSeries
	if err := readJSON(env, "gate", file, &in); err != nil {
		return 0, err
	}
	series, rule, err := in.resolve(strict)
	if err != nil {
		return 0, harness.UsageError("gate", "See bench help gate.", "%s: %w", file, err)
	}
	judged, err := gate.Judge(series, rule)
	if err != nil {
		return 0, &harness.Error{Kind: harness.KindUsage, Op: "gate", Err: fmt.Errorf("%s: %w", file, err), Hint: "Correct the series; nothing was judged."}
	}
	if asJSON {
		err = printJSON(env.Stdout, newVerdict(judged))
	} else {
		printVerdict(env.Stdout, judged)
	}
	return exitOfVerdict(judged.Judgement), err
}

// resolve turns a file's case into a series and a rule.
func (g gateSeries) resolve(strict bool) (gate.Series, gate.Rule, error) {
	name := g.Metric
	if name == "" {
		name = harness.DecodeTokS
	}
	metric, ok := harness.MetricNamed(name)
	if !ok {
		return gate.Series{}, gate.Rule{}, fmt.Errorf("metric %q is not known", name)
	}
	if g.Better != "" {
		metric.Better = harness.Better(g.Better)
	}
	rule := gate.Rule{Threshold: g.Threshold, Guard: g.Guard, Alpha: g.Alpha, Looks: g.Looks, Strict: strict}
	return gate.Series{Case: g.Name, Metric: metric, Baseline: g.Baseline, Candidate: g.Candidate, Noise: g.S0}, rule, nil
}

// verdictJSON is what gate --json prints. Estimate and interval are relative changes, positive worse.
type verdictJSON struct {
	Case      string            `json:"case"`
	Metric    string            `json:"metric"`
	Verdict   harness.Judgement `json:"verdict"`
	Estimate  *float64          `json:"estimate"`
	Interval  []float64         `json:"interval"`
	Pairs     int               `json:"pairs"`
	Noise     *float64          `json:"noise,omitempty"`
	Threshold float64           `json:"threshold"`
	Value     *float64          `json:"value,omitempty"` // with an absolute limit
	Limit     *float64          `json:"limit,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
	Steps     []gate.Step       `json:"steps"`
}

func newVerdict(j gate.Judged) verdictJSON {
	out := verdictJSON{
		Case: j.Case, Metric: j.Metric, Verdict: j.Judgement, Estimate: j.Estimate, Pairs: j.Pairs, Noise: j.Noise,
		Threshold: j.Threshold, Value: j.Value, Limit: j.Limit, Reason: j.Reason, Warnings: j.Warnings, Steps: j.Steps,
	}
	if j.Low != nil {
		out.Interval = []float64{*j.Low, *j.High}
	}
	return out
}

func printVerdict(w io.Writer, j gate.Judged) {
	fmt.Fprintf(w, "%s %s: %s", j.Case, j.Metric, j.Judgement)
	if j.Estimate != nil {
		fmt.Fprintf(w, ", %+.1f %% worse", 100**j.Estimate)
	}
	if j.Low != nil {
		fmt.Fprintf(w, " [%+.1f, %+.1f]", 100**j.Low, 100**j.High)
	}
	fmt.Fprintf(w, ", %d pairs, threshold %.0f %%\n", j.Pairs, 100*j.Threshold)
	if j.Reason != "" {
		fmt.Fprintf(w, "  %s\n", j.Reason)
	}
	for _, warning := range j.Warnings {
		fmt.Fprintf(w, "  warning: %s\n", warning)
	}
}

func exitOfVerdict(j harness.Judgement) int { return exitOfResult(compare.ResultOf(j)) }

// trendJSON is what trend --json prints; indexes count from 0.
type trendJSON struct {
	Name     string       `json:"name"`
	Changes  []changeJSON `json:"changes"`
	Outliers []int        `json:"outliers"`
	Sigma    float64      `json:"sigma"`
	Phi      float64      `json:"phi"`
	Warning  string       `json:"warning,omitempty"`
}

type changeJSON struct {
	Index       int     `json:"index"`
	Before      float64 `json:"before"`
	After       float64 `json:"after"`
	Change      float64 `json:"change"` // relative
	Provisional bool    `json:"provisional"`
}

func trendOfFile(env Env, file string, asJSON bool) (int, error) {
	var in struct {
		Name   string
		Series []float64
	}
	if err := readJSON(env, "trend", file, &in); err != nil {
		return 0, err
	}
	for i, x := range in.Series {
		if !(x > 0) {
			return 0, harness.UsageError("trend", "Leave nights without a reading out.", "%s: night %d is %v: readings must be positive numbers", file, i, x)
		}
	}
	trend := stats.Changes(in.Series)
	out := trendJSON{Name: in.Name, Changes: []changeJSON{}, Outliers: append([]int{}, trend.Outliers...), Sigma: trend.Sigma, Phi: trend.Phi}
	for _, c := range trend.Changes {
		out.Changes = append(out.Changes, changeJSON{c.Index, c.Before, c.After, c.After/c.Before - 1, c.Provisional})
	}
	if len(in.Series) < stats.TrendMinimum {
		out.Warning = fmt.Sprintf("%d nights: at least %d are needed to look for changes", len(in.Series), stats.TrendMinimum)
	}
	if asJSON {
		return exitOK, printJSON(env.Stdout, out)
	}
	out.print(env.Stdout, len(in.Series))
	return exitOK, nil
}

func (t trendJSON) print(w io.Writer, nights int) {
	fmt.Fprintf(w, "%s: %d nights, %d changes, outliers %v\n", t.Name, nights, len(t.Changes), t.Outliers)
	for _, c := range t.Changes {
		mark := ""
		if c.Provisional {
			mark = " (provisional)"
		}
		fmt.Fprintf(w, "  night %d: %.4g -> %.4g, %+.1f %%%s\n", c.Index, c.Before, c.After, 100*c.Change, mark)
	}
	if t.Warning != "" {
		fmt.Fprintf(w, "  warning: %s\n", t.Warning)
	}
}

func simulateCommand() command {
	return command{
		name: "simulate", summary: "play modelled noise against the gate or the trends and count their errors",
		usage: "gate [--nights N] [--seed N] [--json]   or   trend [--years N] [--seed N] [--json]",
		setup: func(flags *flag.FlagSet) action {
			nights := flags.Int("nights", 500, "simulated nights for each cell of the gate's table")
			years := flags.Int("years", 100, "simulated years for each row of the trends' table")
			seed := flags.Uint64("seed", 1, "seed of the noise")
			asJSON := flags.Bool("json", false, "print the cells as JSON")
			return func(_ context.Context, env Env, rest []string) (int, error) {
				if len(rest) != 1 || rest[0] != "gate" && rest[0] != "trend" {
					return 0, harness.UsageError("simulate", "Say bench simulate gate, or bench simulate trend.", "what to simulate: gate or trend")
				}
				if *nights < 1 || *years < 1 {
					return 0, harness.UsageError("simulate", "See bench help simulate.", "--nights %d, --years %d: at least one is needed", *nights, *years)
				}
				if rest[0] == "trend" {
					cells := simulation.RunTrends(*seed, *years)
					if *asJSON {
						return exitOK, printJSON(env.Stdout, cells)
					}
					return exitOK, simulation.PrintTrends(env.Stdout, cells)
				}
				cells := simulation.Run(simulation.Options{Seed: *seed, Nights: *nights})
				if *asJSON {
					return exitOK, printJSON(env.Stdout, cells)
				}
				return exitOK, simulation.Print(env.Stdout, cells)
			}
		},
	}
}

// readJSON reads a JSON file, or standard input for "-", and names the file in its errors.
func readJSON(env Env, op, file string, into any) error {
	fail := func(err error) error {
		return harness.UsageError(op, "See bench help "+op+" for what the file holds.", "%s: %w", file, err)
	}
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(env.Stdin)
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fail(err)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
