package demo_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/demo"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/harness/trend"
	"github.com/lilims/bench/runners/simulated"
)

// lab is the simulated lab on one night.
func lab(n demo.Night) harness.Runner {
	versions := map[string]simulated.OS{}
	for product, version := range n.OS {
		versions[product] = simulated.OS{Version: version, Build: n.OSBuild[product]}
	}
	return simulated.New(simulated.Options{Profiles: n.Profiles, Seed: n.Seed, Start: n.Start, CV: n.CV, Installed: true, OS: versions,
		Speed: map[harness.Arm]float64{harness.ArmCandidate: n.Speed, harness.ArmBaseline: n.Speed}})
}

var afternoon = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

func options(t *testing.T, now time.Time) (demo.Options, *store.Store) {
	t.Helper()
	catalog, err := config.Load(configs.Files)
	require.NoError(t, err)
	recorder, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "bench.sqlite"))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, recorder.Close()) })
	return demo.Options{Devices: catalog.Devices, Recorder: recorder, Runner: lab, Now: now, Revision: "0123abc"}, recorder
}

func record(t *testing.T, now time.Time) (demo.Story, *store.Store) {
	t.Helper()
	o, recorder := options(t, now)
	story, err := demo.Record(t.Context(), o)
	require.NoError(t, err)
	return story, recorder
}

func histories(t *testing.T, recorder *store.Store) []trend.CaseHistory {
	t.Helper()
	found, err := trend.Histories(t.Context(), recorder, trend.Query{Metrics: []string{harness.DecodeTokS}})
	require.NoError(t, err)
	require.Len(t, found, 6, "two phones in three cases")
	return found
}

// TestTheStory looks for the events as people do, and finds them and nothing else.
func TestTheStory(t *testing.T) {
	story, recorder := record(t, afternoon)
	t.Run("history", func(t *testing.T) { theEventsAreFound(t, story, recorder) })
	t.Run("gate", func(t *testing.T) { theLastRunIsAnOpenGate(t, story, recorder) })
	t.Run("another day", func(t *testing.T) { everyDayTellsTheSame(t, recorder) })
}

func theEventsAreFound(t *testing.T, story demo.Story, recorder *store.Store) {
	assert.Equal(t, demo.Nights+1, story.Runs)
	assert.Equal(t, "2026-02-02 02:00", story.First.Format("2006-01-02 15:04"))
	for _, h := range histories(t, recorder) {
		t.Run(h.Device+" "+h.Case, func(t *testing.T) {
			before := h.Stretches[0]
			require.Len(t, before.Changes, 1)
			assert.Equal(t, "2026-02-26", before.Changes[0].Night)
			assert.InDelta(t, demo.StepSpeed-1, before.Changes[0].Change, 0.01)
			assert.True(t, before.Changes[0].Worse)
			assert.Greater(t, before.Sigma, 0.005, "nights vary as those of a phone do")
			assert.Less(t, before.Sigma, 0.03, "nights vary as those of a phone do")
			assert.Equal(t, []string{"2026-02-14"}, outliers(before))
			if h.Device == "Simulated iPhone 15" {
				assert.Len(t, h.Stretches, 1)
				assert.Len(t, before.Nights, demo.Nights)
				return
			}
			require.Len(t, h.Stretches, 2, "the OS update ends a stretch")
			after := h.Stretches[1]
			assert.Equal(t, story.Updated, h.Device)
			assert.Equal(t, "2026-03-05", after.Nights[0].Night)
			assert.Equal(t, []string{"OS build 23G93 and 24B83"}, after.Changed)
			assert.Empty(t, after.Changes)
			assert.Empty(t, outliers(after))
		})
	}
}

func outliers(s trend.Stretch) []string {
	var out []string
	for _, n := range s.Nights {
		if n.Outlier {
			out = append(out, n.Night)
		}
	}
	return out
}

func theLastRunIsAnOpenGate(t *testing.T, story demo.Story, recorder *store.Store) {
	names, err := recorder.Names(t.Context())
	require.NoError(t, err)
	require.Len(t, names, story.Runs)
	assert.Equal(t, names[0], story.Gate)

	catalog, err := config.Load(configs.Files)
	require.NoError(t, err)
	verdicts, err := compare.Judge(t.Context(), recorder, compare.Rules{Policy: catalog.Policies["default"]}, compare.Interleaved(story.Gate))
	require.NoError(t, err)
	require.NotEmpty(t, verdicts)
	for _, v := range verdicts {
		want := harness.Pass
		if v.Metric == harness.DecodeTokS {
			want = harness.Inconclusive
			require.NotNil(t, v.Estimate)
			assert.InDelta(t, 1-demo.GateSpeed, *v.Estimate, 0.03)
		}
		assert.Equal(t, want, v.Judgement, v.Metric)
	}
}

// everyDayTellsTheSame holds a day just after midnight against another one: the figures are the same, and no session ends
// later than now.
func everyDayTellsTheSame(t *testing.T, one *store.Store) {
	midnight := time.Date(2027, 1, 1, 0, 0, 1, 0, time.FixedZone("east", 3600))
	_, two := record(t, midnight)
	a, b := histories(t, one), histories(t, two)
	for i := range a {
		for k := range a[i].Stretches {
			for n, night := range a[i].Stretches[k].Nights {
				assert.InDelta(t, night.Value, b[i].Stretches[k].Nights[n].Value, 1e-9)
			}
		}
	}
	runs, err := two.Runs(t.Context())
	require.NoError(t, err)
	for _, r := range runs {
		recorded, err := two.Read(t.Context(), r.Run.ID)
		require.NoError(t, err)
		assert.True(t, recorded.Run.Synthetic)
		assert.Equal(t, "0123abc", recorded.Run.Revision)
		for _, s := range recorded.Sessions {
			require.NotNil(t, s.End, r.Run.ID)
			assert.Equal(t, harness.OutcomeOK, s.End.Outcome)
			assert.False(t, s.End.At.After(midnight), "run %s ends in the future", r.Run.ID)
		}
	}
}

// stopped records until the third night.
func stopped(t *testing.T, now time.Time) (demo.Story, []string, error) {
	t.Helper()
	o, recorder := options(t, now)
	ctx, stop := context.WithCancel(t.Context())
	o.Progress = func(night, of int) {
		assert.Equal(t, demo.Nights, of)
		if night == 3 {
			stop()
		}
	}
	story, err := demo.Record(ctx, o)
	names, bad := recorder.Names(t.Context())
	require.NoError(t, bad)
	return story, names, err
}

func TestAStoppedDemoSaysSo(t *testing.T) {
	story, names, err := stopped(t, afternoon)
	require.ErrorContains(t, err, "2026-02-04: stopped before its end")
	assert.Contains(t, harness.HintOf(err), "delete it")
	assert.Equal(t, 2, story.Runs)
	require.GreaterOrEqual(t, len(names), 2)

	_, again, err := stopped(t, afternoon.Add(time.Hour))
	require.Error(t, err)
	assert.Equal(t, names, again, "one day gives one history, names of runs included")
}

func TestAnUnknownPhoneIsRefused(t *testing.T) {
	o, _ := options(t, afternoon)
	delete(o.Devices, "iPhone16Pro")
	_, err := demo.Record(t.Context(), o)
	require.ErrorContains(t, err, "no device iPhone16Pro")
}
