package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// session is one launch that a fake has recorded.
type session struct {
	harness.SessionSeries // without Values
	figures               map[string][]float64
	tokens                []int32
	lines                 []harness.EventLine
}

// recordings is a store that holds what a test puts in.
type recordings struct {
	sessions []session
	err      error
	asked    []harness.SeriesQuery
}

func (r *recordings) SeriesOf(_ context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error) {
	r.asked = append(r.asked, query)
	out := map[string][]harness.SessionSeries{}
	for _, s := range r.sessions {
		if query.Run != "" && s.Run != query.Run || query.Arm != "" && s.Begin.Planned.Arm != query.Arm ||
			query.Case != "" && s.Begin.Case.Key() != query.Case || query.UDID != "" && s.Begin.Fingerprint.UDID != query.UDID {
			continue
		}
		for metric, values := range s.figures {
			if slices.Contains(metrics, metric) {
				series := s.SessionSeries
				series.Values = values
				out[metric] = append(out[metric], series)
			}
		}
	}
	return out, r.err
}

func (r *recordings) find(run, id string) session {
	for _, s := range r.sessions {
		if s.Run == run && s.Begin.ID == id {
			return s
		}
	}
	return session{}
}

func (r *recordings) Lines(_ context.Context, run, id string) ([]harness.EventLine, error) {
	return r.find(run, id).lines, nil
}

func (r *recordings) Iterations(_ context.Context, run, id string) ([]harness.Iteration, error) {
	return []harness.Iteration{
		{Index: 0, Warmup: true, Outcome: harness.OutcomeOK, TokenIDs: []int32{99}},
		{Index: 1, Outcome: harness.OutcomeOK, TokenIDs: r.find(run, id).tokens},
	}, nil
}

// levels are a candidate's figures relative to the baseline's: its speed and its latency.
type levels struct{ speed, latency float64 }

// record adds interleaved pairs of two builds on one device, whose candidate runs at the levels.
func (r *recordings) record(run, udid string, pairs int, candidate levels) {
	for pair := range pairs {
		for _, arm := range []harness.Arm{harness.ArmBaseline, harness.ArmCandidate} {
			of := levels{1, 1}
			if arm == harness.ArmCandidate {
				of = candidate
			}
			wobble := 1 + 0.002*float64(pair%3)
			id := fmt.Sprintf("%s-%d-%s", udid, pair, arm)
			speed, latency := 30*of.speed*wobble, 0.4*of.latency*wobble
			r.sessions = append(r.sessions, session{
				SessionSeries: harness.SessionSeries{Run: run, Unit: "tok/s", Begin: &harness.SessionBegin{ID: id,
					Planned: harness.PlannedSession{ID: id, Arm: arm, Pair: pair}, Build: harness.Build{Hash: string(arm)},
					Case: harness.Case{Device: harness.Device{ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m", SizeBytes: 5e8},
						Scenario: harness.Scenario{Name: "quick"}},
					Fingerprint: harness.Fingerprint{UDID: udid, OSBuild: "22G86", ModelHash: "aa"}}},
				figures: map[string][]float64{harness.DecodeTokS: {speed, speed, speed}, harness.TTFT: {latency, latency, latency}},
				tokens:  []int32{1, 2, 3, 4},
			})
		}
	}
}

func policy() harness.Policy {
	return harness.Policy{Threshold: map[string]float64{harness.DecodeTokS: 0.10, harness.TTFT: 0.10}}
}

// judged maps the verdicts' metrics to what was said of them.
func judged(t *testing.T, verdicts []gate.Judged) map[string]harness.Judgement {
	t.Helper()
	out := map[string]harness.Judgement{}
	for _, v := range verdicts {
		out[v.Metric] = v.Judgement
	}
	return out
}

func about(t *testing.T, verdicts []gate.Judged, metric string) gate.Judged {
	t.Helper()
	i := slices.IndexFunc(verdicts, func(v gate.Judged) bool { return v.Metric == metric })
	require.GreaterOrEqual(t, i, 0, "no verdict on %s", metric)
	return verdicts[i]
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		candidate levels
		want      map[string]harness.Judgement
	}{
		"alike": {levels{1, 1}, map[string]harness.Judgement{harness.DecodeTokS: harness.Pass, harness.TTFT: harness.Pass,
			harness.GreedyMatch: harness.Pass}},
		"slower": {levels{0.8, 1}, map[string]harness.Judgement{harness.DecodeTokS: harness.Regression, harness.TTFT: harness.Pass,
			harness.GreedyMatch: harness.Pass}},
		"later": {levels{1, 1.3}, map[string]harness.Judgement{harness.DecodeTokS: harness.Pass, harness.TTFT: harness.Regression,
			harness.GreedyMatch: harness.Pass}},
		"faster": {levels{1.3, 1}, map[string]harness.Judgement{harness.DecodeTokS: harness.Improvement, harness.TTFT: harness.Pass,
			harness.GreedyMatch: harness.Pass}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &recordings{}
			r.record("r1", "phone-1", 8, c.candidate)
			verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
			require.NoError(t, err)
			assert.Equal(t, c.want, judged(t, verdicts))
			assert.Equal(t, 6, about(t, verdicts, harness.DecodeTokS).Pairs, "without calibration the first look is at six pairs")
		})
	}
}

func TestJudgeReadsInSummary(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{1, 1})
	_, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	require.NoError(t, err)
	histories := 0
	for _, q := range r.asked {
		assert.True(t, q.Summary, "verdicts go by medians: %+v", q)
		if q.Paired {
			histories++
		}
	}
	assert.Equal(t, 1, histories, "a device's history is read once for all metrics")
}

// TestJudgeBorrowsNoise judges by the noise of the build against itself where enough of it is recorded.
func TestJudgeBorrowsNoise(t *testing.T) {
	r := &recordings{}
	r.record("self", "phone-1", 9, levels{1, 1})
	for _, s := range r.sessions {
		s.Begin.Build.Hash = "same"
	}
	r.record("r1", "phone-1", 5, levels{0.7, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	require.NoError(t, err)
	speed := about(t, verdicts, harness.DecodeTokS)
	assert.Equal(t, harness.Regression, speed.Judgement)
	assert.Equal(t, 5, speed.Pairs)
	assert.NotContains(t, strings.Join(speed.Warnings, " "), "not calibrated")
}

func TestJudgeDevices(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{0.8, 1})
	r.record("r1", "phone-2", 6, levels{0.8, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	require.NoError(t, err)
	speed := about(t, verdicts, harness.DecodeTokS)
	assert.Equal(t, harness.Regression, speed.Judgement)
	assert.Equal(t, 12, speed.Pairs)
	assert.Contains(t, strings.Join(speed.Warnings, " "), "devices: phone-1 −20.0 % worse, phone-2 −20.0 % worse")
}

func TestJudgeIncomparable(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{1, 1})
	r.record("r2", "phone-2", 6, levels{1, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Separate("r1", "r2"))
	require.NoError(t, err)
	speed := about(t, verdicts, harness.DecodeTokS)
	assert.Equal(t, harness.Incomparable, speed.Judgement)
	assert.Equal(t, "the arms differ in device phone-1 and phone-2", speed.Reason)
}

func TestJudgeWithoutBaseline(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{1, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Separate("r0", "r1"))
	require.NoError(t, err)
	assert.Equal(t, map[string]harness.Judgement{harness.DecodeTokS: harness.NoBaseline, harness.TTFT: harness.NoBaseline}, judged(t,
		verdicts))
}

func TestJudgeReadingThatIsNone(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{0, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	require.NoError(t, err)
	speed := about(t, verdicts, harness.DecodeTokS)
	assert.Equal(t, harness.Inconclusive, speed.Judgement)
	assert.Contains(t, speed.Reason, "readings must be positive numbers")
	assert.Equal(t, harness.Pass, about(t, verdicts, harness.TTFT).Judgement, "the others are judged all the same")
}

func TestJudgeNamedMetrics(t *testing.T) {
	r := &recordings{}
	r.record("r1", "phone-1", 6, levels{0.93, 1})
	verdicts, err := Judge(t.Context(), r, Rules{Policy: policy(), Metrics: []string{"decode"}, Threshold: 0.05}, Interleaved("r1"))
	require.NoError(t, err)
	require.Len(t, verdicts, 1, "metrics that are named are all that is judged")
	assert.Equal(t, harness.Regression, verdicts[0].Judgement)
	assert.InDelta(t, 0.05, verdicts[0].Threshold, 1e-12)

	_, err = Judge(t.Context(), r, Rules{Policy: policy(), Metrics: []string{"speed"}}, Interleaved("r1"))
	require.ErrorContains(t, err, `metric "speed" is not known`)
	assert.ErrorContains(t, err, "judge")
}

func TestJudgeErrRecordings(t *testing.T) {
	r := &recordings{err: errors.New("disk gone")}
	_, err := Judge(t.Context(), r, Rules{Policy: policy()}, Interleaved("r1"))
	assert.ErrorContains(t, err, "disk gone")
}
