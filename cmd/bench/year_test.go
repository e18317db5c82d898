package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// A lab of twenty phones that runs seven cases each, five launches of ten iterations a case, every night: 2.6 million
// iterations a year.
const (
	yearPhones, yearCases, yearLaunches, yearIterations = 20, 7, 5, 10
)

var yearMetrics = []string{harness.DecodeTokS, harness.TTFT, harness.EnergyPerToken, harness.PeakFootprint}

// yearCasesOf are the lab's cases.
func yearCasesOf() []harness.Case {
	var out []harness.Case
	for phone := range yearPhones {
		for k := range yearCases {
			out = append(out, harness.Case{
				Device: harness.Device{
					UDID: fmt.Sprintf("00008120-%016X", phone), Name: fmt.Sprintf("shelf %d", phone), Kind: harness.KindIPhone, ProductType: "iPhone15,4",
					OSBuild: "22G86",
				},
				Model:    harness.Model{Name: fmt.Sprintf("model-%d", k), Hash: fmt.Sprintf("%064x", k)},
				Scenario: harness.Scenario{Name: "chat", PromptTokens: 128, GenerateTokens: 128, Iterations: yearIterations},
			})
		}
	}
	return out
}

// recordNight records one night as a nightly job would: a run, its launches sealed.
func recordNight(ctx context.Context, recorder *store.Store, night int, random *rand.Rand) error {
	all := yearCasesOf()
	start := time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC).AddDate(0, 0, night)
	run := harness.Run{ID: fmt.Sprintf("night-%03d", night), Revision: "0123abc", Start: start, Plan: harness.Plan{Cases: all}}
	var entries []harness.Entry
	for n := range len(all) * yearLaunches {
		planned := harness.PlannedSession{
			ID: fmt.Sprintf("s%04d-candidate", n), Ordinal: n, Case: n % len(all), Arm: harness.ArmCandidate, Pair: n / len(all),
		}
		run.Plan.Sessions = append(run.Plan.Sessions, planned)
		entries = append(entries, yearLaunch(run, planned, all[planned.Case], random)...)
	}
	if err := recorder.Begin(ctx, run); err != nil {
		return err
	}
	return recorder.Record(ctx, run.ID, entries...)
}

func yearLaunch(run harness.Run, planned harness.PlannedSession, c harness.Case, random *rand.Rand) []harness.Entry {
	at := run.Start.Add(time.Duration(planned.Ordinal) * 10 * time.Second)
	entries := []harness.Entry{{Session: planned.ID, SessionBegin: &harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned,
		Case: c, At: at,
		Build: harness.Build{Arm: harness.ArmCandidate, Hash: "sha256:" + c.Model.Hash},
		Fingerprint: harness.Fingerprint{
			UDID: c.Device.UDID, OSBuild: c.Device.OSBuild, ModelHash: c.Model.Hash, ScenarioHash: "chat", Protocol: "1", PowerMode: "normal",
			Kind: c.Device.Kind,
		}}}}
	levels := []float64{30, 0.4, 0.09, 9e8}
	for i := range yearIterations {
		index := i
		entries = append(entries, harness.Entry{
			Session: planned.ID, Iteration: &harness.Iteration{Session: planned.ID, Index: i, PromptTokens: 128, Outcome: harness.OutcomeOK},
		})
		for k, metric := range yearMetrics {
			m, _ := harness.MetricNamed(metric)
			entries = append(entries, harness.Entry{Session: planned.ID, Sample: &harness.Sample{Session: planned.ID, Iteration: &index,
				Metric: metric, Unit: m.Unit,
				Value: levels[k] * math.Exp(0.02*random.NormFloat64()), At: at, Source: harness.SourceDerived}})
		}
	}
	return append(entries, harness.Entry{Session: planned.ID, SessionEnd: &harness.SessionEnd{
		ID: planned.ID, Outcome: harness.OutcomeOK, Planned: yearIterations, Measured: yearIterations, At: at.Add(9 * time.Second),
	}})
}

// BenchmarkYear gates the last night against the one before it and looks for changes in every case's history, as
// `bench compare` and `bench trend` do, over a quarter, a half and a whole year. Filling the database takes a while and
// is not timed.
func BenchmarkYear(b *testing.B) {
	data := b.TempDir()
	recorder, err := store.Open(context.Background(), store.File(data))
	require.NoError(b, err)
	defer recorder.Close()
	random, night := rand.New(rand.NewPCG(1, 2)), 0
	for _, nights := range []int{91, 182, 364} {
		for ; night < nights; night++ {
			require.NoError(b, recordNight(context.Background(), recorder, night, random))
		}
		b.Run(fmt.Sprintf("nights=%d", nights), func(b *testing.B) {
			for b.Loop() {
				gateAndTrend(b, data, nights)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(nights)*1e3, "ms/night")
			b.ReportMetric(float64(nights*yearPhones*yearCases*yearLaunches*yearIterations), "iterations")
		})
	}
}

// verdictRow is a line of the table of verdicts.
var verdictRow = regexp.MustCompile(`(?m)^  (decode|time to first token, warm|energy per token|peak memory, app)  `)

func gateAndTrend(tb testing.TB, data string, nights int) {
	tb.Helper()
	trend := []string{"trend", "--json", "--data", data}
	compare := []string{"compare", fmt.Sprintf("night-%03d", nights-2), fmt.Sprintf("night-%03d", nights-1), "--data", data}
	for _, m := range yearMetrics {
		trend, compare = append(trend, "--metric", m), append(compare, "--metric", m)
	}
	// Histories are of units; verdicts combine the units of a case.
	for args, want := range map[*[]string]int{&trend: yearPhones * yearCases * len(yearMetrics), &compare: yearCases * len(yearMetrics)} {
		var out, complaints bytes.Buffer
		env := Env{
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: io.MultiWriter(&complaints), Getenv: func(string) string { return "" },
			Clock: newHostClock(),
		}
		code := run(context.Background(), env, *args)
		got := strings.Count(out.String(), `"stretches"`) + len(verdictRow.FindAllString(out.String(), -1))
		if code == exitInternal || code == exitUsage || got != want {
			tb.Fatalf("bench %s: exit %d, %d of %d judged\n%s", strings.Join(*args, " "), code, got, want, complaints.String())
		}
	}
}

// TestAFewNights is the benchmark's path over a few nights, so that it does not rot.
func TestAFewNights(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	recorder, err := store.Open(context.Background(), store.File(data))
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	for night := range 3 {
		require.NoError(t, recordNight(context.Background(), recorder, night, random))
	}
	require.NoError(t, recorder.Close())
	gateAndTrend(t, data, 3)
}
