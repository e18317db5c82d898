package derive

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// script writes event lines for tests: times in ms.
type script struct {
	t   *testing.T
	b   bytes.Buffer
	enc *wire.Encoder
}

// fixtures are event files that the Swift side reads and writes too.
const fixtures = "../../runtime/Tests/Fixtures/wire"

func newScript(t *testing.T) *script {
	s := &script{t: t}
	s.enc = wire.NewEncoder(&s.b, 0)
	return s
}

func ptr[T any](v T) *T { return &v }

func (s *script) event(ms int64, e wire.Event) *script {
	e.AtNs = ms * 1e6
	require.NoError(s.t, s.enc.Encode(e))
	return s
}

func (s *script) hello(ms int64) *script {
	return s.event(ms, wire.Event{Kind: wire.Hello, UnixNs: ptr(int64(1_790_000_000_000_000_000) + ms*1e6)})
}

func (s *script) begin(ms int64, i int) *script {
	return s.event(ms, wire.Event{Kind: wire.IterationBegin, Iteration: &i, Warmup: ptr(false), PromptTokens: ptr(4)})
}

func (s *script) prefill(ms int64, i int, took int64) *script {
	return s.event(ms, wire.Event{Kind: wire.Prefill, Iteration: &i, PromptTokens: ptr(4), Ns: ptr(took * 1e6)})
}

func (s *script) tokens(i, first int, ms ...int64) *script {
	e := wire.Event{Kind: wire.Tokens, Iteration: &i, First: &first, Text: "x"}
	for k, at := range ms {
		e.IDs, e.At = append(e.IDs, int32(first+k)), append(e.At, at*1e6)
	}
	return s.event(ms[len(ms)-1], e)
}

func (s *script) end(ms int64, i int, outcome string, count int) *script {
	return s.event(ms, wire.Event{Kind: wire.IterationEnd, Iteration: &i, Outcome: outcome, Count: &count})
}

func (s *script) whole(ms int64, i int) *script {
	return s.begin(ms, i).prefill(ms+10, i, 8).tokens(i, 0, ms+20, ms+30, ms+50).end(ms+51, i, "ok", 3)
}

func (s *script) raw(text string) *script { s.b.WriteString(text); return s }

// drop removes the n-th last line.
func (s *script) drop(n int) *script {
	lines := strings.SplitAfter(strings.TrimSuffix(s.b.String(), "\n"), "\n")
	lines[len(lines)-1] += "\n"
	at := len(lines) - n
	s.b.Reset()
	s.b.WriteString(strings.Join(append(lines[:at:at], lines[at+1:]...), ""))
	return s
}

type result struct {
	its      []harness.Iteration
	samples  []harness.Sample
	problems []string
	absences []harness.Absence
	summary  Summary
}

func (r *result) take(y Yield) {
	r.its = append(r.its, y.Iterations...)
	r.samples = append(r.samples, y.Samples...)
	for _, p := range y.Problems {
		r.problems = append(r.problems, p.Text)
	}
}

func (r result) values(metric string) []float64 {
	var out []float64
	for _, s := range r.samples {
		if s.Metric == metric {
			out = append(out, s.Value)
		}
	}
	return out
}

func (r result) outcomes() string {
	var out []string
	for _, it := range r.its {
		text := string(it.Outcome)
		if it.Reason != "" {
			text += "(" + it.Reason + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func readAll(t *testing.T, r io.Reader) []wire.Line {
	t.Helper()
	var out []wire.Line
	for decoder := wire.NewDecoder(r); ; {
		line, err := decoder.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, line)
	}
}

func foldText(t *testing.T, expect Expect, text []byte, exit harness.Exit) result {
	t.Helper()
	f := NewFold(expect)
	var r result
	for _, line := range readAll(t, bytes.NewReader(text)) {
		r.take(f.Add(line, time.Time{}))
	}
	y, absences := f.Finish(exit)
	r.take(y)
	r.absences, r.summary = absences, f.Summary()
	return r
}

var okExit = harness.Exit{Outcome: harness.OutcomeOK}

func TestFoldFixtureFigures(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(fixtures, "session.jsonl"))
	require.NoError(t, err)
	r := foldText(t, Expect{Session: "s000-candidate", Iterations: 1}, text, okExit)
	require.Equal(t, "ok(length)", r.outcomes(), "outcomes %s, problems %v", r.outcomes(), r.problems)
	require.Empty(t, r.problems, "outcomes %s, problems %v", r.outcomes(), r.problems)
	for metric, want := range map[string]float64{
		harness.DecodeTokS:  2 / 0.004,  // two tokens after the first, 47.1 to 51.1 ms
		harness.PrefillTokS: 4 / 0.0049, // four prompt tokens in 4.9 ms
		harness.TTFTCold:    0.0051,     // 42.0 to 47.1 ms, first of the process
		harness.ITLP50:      0.002,
		harness.LoadCold:    0.038,
		harness.Footprint:   23068672,
	} {
		got := r.values(metric)
		require.Len(t, got, 1, "%s", metric)
		assert.InDelta(t, want, got[0], 1e-9*want, "%s", metric)
	}
	var missing []string
	for _, a := range r.absences {
		missing = append(missing, a.Metric+": "+a.Reason)
	}
	want := []string{
		"ttft_s: every iteration was the first of its process",
		"itl_p95_s: 2 intervals between tokens; 20 are needed",
		"itl_p99_s: 2 intervals between tokens; 100 are needed",
		"peak_footprint_bytes: the app sampled no footprint during an iteration",
	}
	assert.Equal(t, want, missing, "absences")
	assert.Equal(t, int64(1790000000000000000+40000000), r.samples[0].At.UnixNano(),
		"first sample: want 40 ms after the hello line's wall clock")
	s := r.summary
	require.Equal(t, 1, s.Measured, "summary")
	require.Equal(t, 3, s.Tokens, "summary")
	require.True(t, s.Ended, "summary")
	require.Equal(t, harness.ThermalState("nominal"), *s.ThermalStart, "summary")
	require.Equal(t, 3, s.WindowTokens, "summary")
	assert.Equal(t, 10500*time.Microsecond, s.WindowEnd.Sub(*s.WindowBegin), "summary")
}

func TestFoldFixtures(t *testing.T) {
	for name, want := range map[string]string{
		"crash.jsonl":    "app_crash(killed by signal 11)",
		"garbled.jsonl":  "invalid(event line 6 cannot be read)",
		"newer.jsonl":    "invalid(written by a newer app (schema 2, this harness knows 1))",
		"relaunch.jsonl": "ok(length)",
	} {
		text, err := os.ReadFile(filepath.Join(fixtures, name))
		require.NoError(t, err)
		r := foldText(t, Expect{Session: "s"}, text, harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "killed by signal 11"})
		assert.Equal(t, want, r.outcomes(), "%s: outcomes", name)
	}
}

func TestFoldOutcomes(t *testing.T) {
	crash := harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "killed by signal 11"}
	for name, tc := range map[string]struct {
		script  func(s *script)
		exit    harness.Exit
		want    string
		problem string // part of one
	}{
		"all ok": {func(s *script) { s.hello(0).whole(10, 0).whole(100, 1) }, okExit, "ok, ok", ""},
		"app crashed": {
			func(s *script) { s.hello(0).whole(10, 0).begin(100, 1).tokens(1, 0, 120) }, crash, "ok, app_crash(killed by signal 11)", "",
		},
		"crash in the middle of a line": {func(s *script) {
			s.hello(0).begin(10, 0).tokens(0, 0, 20).raw(`{"v":1,"seq":3,"at_n`)
		}, crash, "app_crash(killed by signal 11)", "line 4 cannot be read"},
		"end missing, exit ok": {func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20) }, okExit, "invalid(its end is missing)", ""},
		"end lost between iterations": {func(s *script) {
			s.hello(0).whole(10, 0).drop(1).whole(100, 1)
		}, okExit, "invalid(events 4 to 4 are missing; its end is missing), ok", "events 4 to 4 are missing"},
		"begin lost": {func(s *script) {
			s.hello(0).whole(10, 0).drop(4).whole(100, 1)
		}, okExit, "invalid(its beginning is missing), ok", "events 1 to 1 are missing"},
		"tokens lost": {func(s *script) {
			s.hello(0).begin(10, 0).tokens(0, 0, 20).tokens(0, 1, 30).drop(1).tokens(0, 2, 40).end(41, 0, "ok", 3)
		}, okExit, "invalid(events 3 to 3 are missing)", ""},
		"garbled line in an iteration": {func(s *script) {
			s.hello(0).begin(10, 0).raw("\x00\x00\n").tokens(0, 0, 20, 30).end(41, 0, "ok", 2)
		}, okExit, "invalid(event line 3 cannot be read)", "line 3 cannot be read"},
		"garbled line between iterations": {func(s *script) {
			s.hello(0).raw("?\n").whole(10, 0)
		}, okExit, "ok", "line 2 cannot be read"},
		"clock goes back": {func(s *script) {
			s.hello(5000).begin(5010, 0).tokens(0, 0, 5020).event(20, wire.Event{Kind: wire.MemoryWarning}).tokens(0, 1, 5030).end(5031, 0, "ok", 2)
		}, okExit, "invalid(the device's clock went back by 5s at event 3)", "clock went back"},
		"lines of two threads cross": {func(s *script) {
			s.hello(0).begin(10, 0).tokens(0, 0, 60).event(30, wire.Event{Kind: wire.Thermal, State: "nominal"}).tokens(0, 1, 70).end(71, 0, "ok", 2)
		}, okExit, "ok", ""},
		"token stamps go back": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 50, 40, 60).end(61, 0, "ok", 3) }, okExit,
			"invalid(its tokens' time stamps go back)", "",
		},
		"token before the request": {
			func(s *script) { s.hello(0).begin(90, 0).tokens(0, 0, 50, 95).end(96, 0, "ok", 2) }, okExit, "invalid(its tokens' time stamps go back)",
			"",
		},
		"token later than its line": {func(s *script) {
			s.hello(0).begin(10, 0).event(30, wire.Event{
				Kind: wire.Tokens, Iteration: ptr(0), First: ptr(0), IDs: []int32{1, 2}, At: []int64{20e6, 5000e6},
			}).end(41, 0, "ok", 2)
		}, okExit, "invalid(a token's time stamp is 4.97s later than that of its line)", ""},
		"sample without a number": {func(s *script) {
			s.hello(0).begin(10, 0).event(15, wire.Event{
				Kind: wire.Sample, Metric: harness.Footprint, Unit: "B",
			}).tokens(0, 0, 20).end(41, 0, "ok", 1)
		}, okExit, "ok", "footprint_bytes came without a number"},
		"count disagrees": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20).end(41, 0, "ok", 2) }, okExit,
			"invalid(the app counted 2 tokens and 1 arrived)", "",
		},
		"first index jumps": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 3, 20).end(41, 0, "ok", 1) }, okExit, "invalid(received token 3, expected token 0)",
			"",
		},
		"unknown outcome": {
			func(s *script) { s.hello(0).begin(10, 0).end(41, 0, "splendid", 0) }, okExit, `invalid(the app gave the unknown outcome "splendid")`,
			"",
		},
		"thermal told by the app": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20).end(41, 0, "thermal", 1) }, okExit, "thermal", "",
		},
		"unknown thermal state": {func(s *script) {
			s.hello(0).event(1, wire.Event{
				Kind: wire.Thermal, State: "toasty",
			}).whole(10, 0)
		}, okExit, "ok", "unknown thermal state"},
		"iteration repeated": {
			func(s *script) { s.hello(0).whole(10, 0).whole(100, 0).whole(200, 1) }, okExit, "ok, ok", "begun again after its end",
		},
		"relaunch takes it up": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20).hello(5).whole(15, 0) }, okExit, "ok",
			"cut off after 1 tokens and begun again",
		},
		"relaunch goes on": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20).hello(5).whole(15, 1) }, okExit, "app_crash(the process ended before it), ok",
			"launched again",
		},
		"relaunch and nothing more": {
			func(s *script) { s.hello(0).begin(10, 0).tokens(0, 0, 20).hello(5) }, crash, "app_crash(the process ended before it)", "",
		},
		"nothing at all": {func(s *script) {}, crash, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			tc.script(s)
			r := foldText(t, Expect{Session: "s"}, s.b.Bytes(), tc.exit)
			assert.Equal(t, tc.want, r.outcomes(), "outcomes = %s\nwant       %s\nproblems %q", r.outcomes(), tc.want, r.problems)
			if tc.problem != "" {
				assert.Contains(t, strings.Join(r.problems, "\n"), tc.problem, "problems")
			}
			if tc.problem == "" && tc.want == "ok" {
				assert.Empty(t, r.problems)
			}
			for _, sample := range r.samples {
				it := sample.Iteration
				if it != nil {
					assert.Equal(t, harness.OutcomeOK, r.its[*it].Outcome, "%s of iteration %d, which is %s", sample.Metric, *it, r.its[*it].Outcome)
				}
			}
		})
	}
}

func TestFoldNewerSchemaGivesNoFigures(t *testing.T) {
	s := newScript(t).hello(0).whole(10, 0)
	text := strings.ReplaceAll(s.b.String(), `{"v":1,`, `{"v":2,`)
	r := foldText(t, Expect{Session: "s"}, []byte(text), okExit)
	assert.Empty(t, r.samples, "outcomes = %s with %d samples", r.outcomes(), len(r.samples))
	assert.Contains(t, r.outcomes(), "invalid(written by a newer app (schema 2",
		"outcomes = %s with %d samples", r.outcomes(), len(r.samples))
	require.Len(t, r.problems, 1, "problems: want the newer schema told once")
	assert.Contains(t, r.problems[0], "schema 2", "problems: want the newer schema told once")
}

// TestFoldClockJumps: a clock that is set while the app runs spoils the iteration, and all that is placed by it.
func TestFoldClockJumps(t *testing.T) {
	wall := time.Unix(1_790_000_000, 0)
	type arrival struct{ device, host int64 } // ms
	for name, tc := range map[string]struct {
		jump    func(i int, ms int64) arrival // of the i-th line, written at ms
		outcome string
		fault   string
	}{
		"none":                {func(_ int, ms int64) arrival { return arrival{ms, ms} }, "ok, ok", ""},
		"read in one go late": {func(_ int, ms int64) arrival { return arrival{ms, 90_000} }, "ok, ok", ""},
		"ahead": {func(i int, ms int64) arrival {
			if i >= 7 {
				return arrival{ms + 3_600_000, ms}
			}
			return arrival{ms, ms}
		}, "ok, invalid(the device's clock went ahead by 1h0m0s at event 7)", "went ahead by 1h0m"},
		"ahead while no iteration runs": {func(i int, ms int64) arrival {
			if i >= 5 {
				return arrival{ms + 3_600_000, ms}
			}
			return arrival{ms, ms}
		}, "ok, ok", "went ahead by 1h0m"},
		"back while no iteration runs": {func(i int, ms int64) arrival {
			if i >= 5 {
				return arrival{ms - 60_000, ms}
			}
			return arrival{ms, ms}
		}, "ok, ok", "went back by"},
	} {
		s := newScript(t).hello(100_000)
		i, at := 1, func(ms int64) int64 { return ms }
		move := func(ms int64) int64 { defer func() { i++ }(); return at(tc.jump(i, ms).device) }
		s.begin(move(100_010), 0)
		for it := range 2 {
			base := int64(100_000 + 1000*it)
			if it > 0 {
				s.begin(move(base+10), it)
			}
			s.prefill(move(base+20), it, 8)
			d := move(base + 30)
			s.tokens(it, 0, d, d+10)
			s.end(move(base+60), it, "ok", 2)
		}
		f := NewFold(Expect{Session: "s", Duration: time.Minute})
		var r result
		for n, line := range readAll(t, bytes.NewReader(s.b.Bytes())) {
			host := tc.jump(n, line.Event.AtNs/1e6).host
			if tc.fault != "" { // the host's clock is the one that did not move
				host = 100_000 + int64(n)
			}
			r.take(f.Add(line, wall.Add(time.Duration(host)*time.Millisecond)))
		}
		y, absences := f.Finish(okExit)
		r.take(y)
		assert.Equal(t, tc.outcome, r.outcomes(), "%s", name)
		assert.Contains(t, f.Summary().ClockFault, tc.fault, "%s", name)
		if tc.fault == "" {
			assert.Empty(t, f.Summary().ClockFault, "%s", name)
		}
		for _, a := range absences {
			if a.Metric == harness.Retention60 && tc.fault != "" {
				assert.Contains(t, a.Reason, tc.fault, "%s: retention is absent", name)
			}
		}
	}
}

func TestFoldIsIdempotentUnderReRead(t *testing.T) {
	s := newScript(t).hello(0).whole(10, 0).whole(100, 1)
	once := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit)
	lines := strings.SplitAfter(s.b.String(), "\n")
	twice := strings.Join(lines[:6], "") + strings.Join(lines[:4], "") + strings.Join(lines[4:], "")
	again := foldText(t, Expect{Session: "s"}, []byte(twice), okExit)
	assert.Equal(t, once.its, again.its, "a file read twice")
	assert.Equal(t, once.samples, again.samples, "a file read twice")
	assert.Empty(t, again.problems, "a file read twice")
	differs := lines[0] + lines[1] + strings.Replace(lines[1], `"prompt_tokens":4`, `"prompt_tokens":5`, 1) + strings.Join(lines[2:], "")
	assert.Contains(t, foldText(t, Expect{Session: "s"}, []byte(differs), okExit).outcomes(), "invalid(event 1 came twice",
		"two texts under one number")
}

func TestFoldRegimes(t *testing.T) {
	load := func(regime string) wire.Event {
		return wire.Event{Kind: wire.Load, Regime: regime, Ns: ptr(int64(2e9))}
	}
	warm := wire.Event{Kind: wire.IterationBegin, Iteration: ptr(0), Warmup: ptr(true), PromptTokens: ptr(4)}
	s := newScript(t).hello(0).event(5, load("first_ever")).event(10, warm).tokens(0, 0, 30, 40).end(41, 0, "ok", 2).
		whole(100, 1).event(200, load("warm")).whole(210, 2).hello(3).event(5, load("cold")).whole(10, 3)
	r := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit)
	for metric, want := range map[string][]float64{
		harness.TTFTFirstEver: {0.020}, harness.TTFT: {0.020, 0.020}, harness.TTFTCold: {0.020},
		harness.LoadFirstEver: {2}, harness.LoadWarm: {2}, harness.LoadCold: {2},
	} {
		got := r.values(metric)
		require.Len(t, got, len(want), "%s", metric)
		assert.InDelta(t, want[0], got[0], 1e-12, "%s", metric)
	}
	got := len(r.values(harness.DecodeTokS))
	assert.Equal(t, 3, got, "%d decode rates, want 3: the warm-up gives none", got)
}

func TestFoldSamples(t *testing.T) {
	sample := func(metric string, v float64, unit string) wire.Event {
		return wire.Event{Kind: wire.Sample, Metric: metric, Value: &v, Unit: unit}
	}
	s := newScript(t).hello(0).event(1, sample(harness.Footprint, 9e9, "B")).begin(10, 0).event(11, sample(harness.Footprint, 100, "B")).
		event(12, sample(harness.Footprint, 300, "B")).event(13, sample(harness.Footprint, 200, "B")).event(
		14, sample("available_bytes", -1, "B"),
	).
		event(15, sample(harness.Perplexity, 3, "%")).event(16, sample("skin_offset_c", -2, "C")).
		tokens(0, 0, 20, 30).end(41, 0, "ok", 2)
	r := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit)
	got := r.values(harness.PeakFootprint)
	require.Len(t, got, 1, "peak footprint of the iteration")
	assert.InDelta(t, 300, got[0], 0, "peak footprint of the iteration")
	assert.Empty(t, r.values("available_bytes"), "samples = %+v", r.samples)
	assert.Empty(t, r.values(harness.Perplexity), "samples = %+v", r.samples)
	assert.Len(t, r.values("skin_offset_c"), 1, "samples = %+v", r.samples)
	assert.Len(t, r.problems, 2, "problems: want one for the negative bytes and one for the unit")
}

// A reading that the app could not take is missing for the app's reason, and is no problem of the line's.
func TestFoldReadingNotTaken(t *testing.T) {
	s := newScript(t).hello(0).whole(10, 0)
	s.event(50, wire.Event{Kind: wire.Sample, Metric: harness.Perplexity, Unit: "1", Reason: "the text was not scored: it is too long"})
	r := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit)
	assert.Empty(t, r.problems, "problems %q, values %v", r.problems, r.values(harness.Perplexity))
	assert.Empty(t, r.values(harness.Perplexity), "problems %q, values %v", r.problems, r.values(harness.Perplexity))
	found := false
	for _, a := range r.absences {
		found = found || a.Metric == harness.Perplexity && strings.Contains(a.Reason, "it is too long")
	}
	assert.True(t, found, "absences %+v do not say why there is no perplexity", r.absences)
}

func TestFoldMemoryByPhase(t *testing.T) {
	s := newScript(t).hello(0)
	read := func(ms int64, metric, phase string, iteration *int, v float64) {
		s.event(ms, wire.Event{Kind: wire.Sample, Metric: metric, Value: &v, Unit: "B", Phase: phase, Iteration: iteration})
	}
	zero := ptr(0)
	read(1, harness.Footprint, "load", nil, 100)
	read(2, harness.Footprint, "load", nil, 80) // the load's own peak is in the ledger; what stays is the model
	read(2, harness.LedgerPeak, "load", nil, 130)
	read(2, harness.Available, "load", nil, 900)
	s.begin(10, 0)
	read(11, harness.Footprint, "prefill", zero, 300)
	read(12, harness.Available, "prefill", zero, 600)
	s.prefill(13, 0, 2)
	s.tokens(0, 0, 20, 30)
	read(31, harness.Footprint, "decode", zero, 200)
	read(31, harness.LedgerPeak, "decode", zero, 310)
	s.end(41, 0, "ok", 2)
	read(45, harness.Perplexity, "score", nil, 3) // in bytes, which no perplexity is; from here on the memory is the score's
	read(46, harness.LedgerPeak, "score", nil, 7000)
	read(46, harness.Available, "score", nil, 10)
	read(50, harness.Footprint, "load", nil, 5000) // a second load, for its duration, after the work
	read(51, harness.LedgerPeak, "idle", nil, 7000)
	r := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit)
	for metric, want := range map[string]float64{
		harness.LoadedFootprint: 80, harness.PeakPrefill: 300, harness.PeakDecode: 200, harness.PeakFootprint: 300,
		harness.LifetimePeak: 310, harness.LeastAvailable: 600,
	} {
		got := r.values(metric)
		require.Len(t, got, 1, "%s", metric)
		assert.InDelta(t, want, got[0], 0, "%s", metric)
	}
	// A process that begins after one that has scored generates again.
	s.hello(60)
	s.begin(61, 1)
	read(62, harness.LedgerPeak, "decode", ptr(1), 320)
	s.tokens(1, 0, 63, 64)
	s.end(70, 1, "ok", 2)
	got := foldText(t, Expect{Session: "s"}, s.b.Bytes(), okExit).values(harness.LifetimePeak)
	require.Len(t, got, 1, "lifetime peak after a second process")
	assert.InDelta(t, 320, got[0], 0, "lifetime peak after a second process")
	bare := foldText(t, Expect{Session: "s"}, newScript(t).hello(0).whole(10, 0).b.Bytes(), okExit)
	for _, metric := range []string{harness.LoadedFootprint, harness.PeakPrefill, harness.LifetimePeak, harness.LeastAvailable} {
		got := bare.values(metric)
		assert.Empty(t, got, "%s = %v without a reading", metric, got)
	}
}

func TestFoldClockOffset(t *testing.T) {
	wall := time.Unix(1_790_000_000, 0)
	for name, tc := range map[string]struct{ ahead, want time.Duration }{
		"clocks agree, file read late": {3 * time.Second, 0},
		"host an hour ahead":           {time.Hour, time.Hour},
		"phone a minute ahead":         {-time.Minute, -time.Minute},
	} {
		f := NewFold(Expect{Session: "s"})
		for i, line := range readAll(t, bytes.NewReader(newScript(t).hello(0).whole(10, 0).b.Bytes())) {
			delay := time.Duration(3-i%3) * time.Millisecond
			f.Add(line, wall.Add(time.Duration(line.Event.AtNs)).Add(tc.ahead+delay))
		}
		assert.Equal(t, tc.want, f.ClockOffset().Round(time.Second), "%s: ClockOffset()", name)
	}
}

// TestFoldRetention: what heat ended counts up to there.
func TestFoldRetention(t *testing.T) {
	for _, outcome := range []string{"ok", "thermal"} {
		s := newScript(t).hello(0)
		i, n, ms := 0, 0, int64(0)
		s.begin(0, 0)
		for ms < 310_000 { // 40 tok/s for the first 10 s, 20 tok/s after
			step := int64(50)
			if ms < 10_000 {
				step = 25
			}
			ms += step
			s.tokens(i, n, ms)
			n++
		}
		s.end(ms+1, 0, outcome, n)
		r := foldText(t, Expect{Session: "s", Duration: 5 * time.Minute}, s.b.Bytes(), okExit)
		for _, metric := range []string{harness.Retention60, harness.Retention300} {
			got := r.values(metric)
			require.Len(t, got, 1, "%s: %s", outcome, metric)
			assert.InDelta(t, 0.5, got[0], 0.01, "%s: %s", outcome, metric)
		}
	}
	short := foldText(t, Expect{Session: "s", Duration: 5 * time.Minute}, newScript(t).hello(0).whole(0, 0).b.Bytes(), okExit)
	assert.Empty(t, short.values(harness.Retention300), "retention of a session that did not last")
}

func TestFoldMoment(t *testing.T) {
	f := NewFold(Expect{Session: "s"})
	for _, line := range readAll(t, bytes.NewReader(newScript(t).hello(0).begin(10, 2).tokens(2, 0, 20, 30, 40).b.Bytes())) {
		f.Add(line, time.Time{})
	}
	m, ok := f.Moment()
	assert.False(t, !ok || m.Iteration != 2 || m.Tokens != 3 || m.TokS == nil || math.Abs(*m.TokS-100) > 1e-9, "Moment() = %+v, %v", m, ok)
}
