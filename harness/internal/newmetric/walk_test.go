package newmetric

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
	"github.com/lilims/bench/runners/simulated"
)

// What the table is told of the new metric, and where the walk begins.
const (
	name  = "draft_rejections"
	label = "rejected drafts"
	entry = `{
		Name: "` + name + `", Label: "` + label + `",
		Unit: "1", Better: Lower, Assume: AssumeExact, Sent: true,
		What: "drafts that the model rejects",
	},`
	underWalk = "BENCH_NEW_METRIC"
)

// TestWalk runs with the entry in the table, from TestOneEntryIsAllThatANewMetricTakes.
func TestWalk(t *testing.T) {
	if os.Getenv(underWalk) == "" {
		t.Skip("the metric is in no table but that of the test below")
	}
	ctx := t.Context()
	recordings, err := store.Open(ctx, filepath.Join(t.TempDir(), "bench.sqlite"))
	require.NoError(t, err)
	defer recordings.Close()
	clock := simulated.NewClock(time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC))
	phone := harness.DeviceProfile{Name: "phone", ProductType: "iPhone15,4", MemoryBytes: 6 << 30, BatteryWh: 13}
	lab := sender{simulated.New(simulated.Options{Profiles: []harness.DeviceProfile{phone}, Start: clock.Now()})}
	run := harness.Run{ID: "r1", Start: clock.Now(), Plan: planned(t, lab)}
	eng := engine.Engine{Runner: lab, Recorder: recordings, Clock: clock, Policy: harness.Policy{CoolDownLimit: time.Hour}}
	report, err := eng.Run(ctx, run)
	require.NoError(t, err)
	require.Len(t, report.Ended, 2)

	recorded, err := recordings.Read(ctx, run.ID)
	require.NoError(t, err)
	values := map[harness.Arm][]float64{}
	for _, s := range recorded.Sessions {
		values[s.Begin.Planned.Arm] = s.Values(name)
	}
	assert.Equal(t, map[harness.Arm][]float64{harness.ArmBaseline: {8.5}, harness.ArmCandidate: {17}}, values, "derived and stored")

	var table bytes.Buffer
	require.NoError(t, reports.New(recorded).Text(&table))
	assert.Contains(t, table.String(), label, "reported")

	verdicts, err := compare.Judge(ctx, recordings, compare.Rules{Metrics: []string{label}}, compare.Interleaved(run.ID))
	require.NoError(t, err)
	require.Len(t, verdicts, 1)
	assert.Equal(t, name, verdicts[0].Verdict.Metric)
	assert.Equal(t, harness.Regression, verdicts[0].Judgement, "judged: %s", verdicts[0].Reason)
}

// planned is one launch of each arm, of which the candidate's sends twice the baseline's figure.
func planned(t *testing.T, lab harness.Runner) harness.Plan {
	t.Helper()
	devices, err := lab.Devices(t.Context())
	require.NoError(t, err)
	scenario := harness.Scenario{Name: "short", PromptTokens: 4, GenerateTokens: 4, Iterations: 1, Sessions: 1, ScoreText: "text",
		ComputeUnits: harness.ComputeAll, StartThermal: harness.ThermalFair, SessionTimeout: time.Minute}
	p, err := plan.Build(harness.Catalog{Scenarios: map[string]harness.Scenario{scenario.Name: scenario}}, plan.Selection{
		Devices: devices, Scenarios: []string{scenario.Name},
		Models: []harness.Model{{Name: "m", Hash: "aa", SizeBytes: 1 << 20, Context: 64}},
		Builds: []harness.Build{
			{Arm: harness.ArmBaseline, BundleID: "b", Hash: "b0", Configuration: "Release"},
			{Arm: harness.ArmCandidate, BundleID: "c", Hash: "c0", Configuration: "Release perplexity=2"},
		},
	})
	require.NoError(t, err)
	return p
}

// sender is a lab whose app sends one reading under the new metric's name: what an app that measures it would do.
type sender struct{ *simulated.Runner }

func (s sender) Open(ctx context.Context, d harness.Device) (harness.Handle, error) {
	h, err := s.Runner.Open(ctx, d)
	return handle{h}, err
}

type handle struct{ harness.Handle }

func (h handle) Clock() harness.Clock { return h.Handle.(harness.Timed).Clock() }

func (h handle) Run(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	return h.Handle.Run(ctx, task, renamed{sink})
}

type renamed struct{ harness.Sink }

func (r renamed) Line(number int, text []byte) {
	r.Sink.Line(number, bytes.Replace(text, []byte(`"metric":"`+harness.Perplexity+`"`), []byte(`"metric":"`+name+`"`), 1))
}
