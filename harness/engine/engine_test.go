package engine_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/runners/simulated"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// lab is a run on simulated devices.
type lab struct {
	t      *testing.T
	rec    *memory
	runner harness.Runner
	eng    *engine.Engine
	run    harness.Run
}

var quick = harness.Scenario{
	Name: "quick", PromptTokens: 16, GenerateTokens: 24, Warmups: 1, Iterations: 3, Sessions: 2,
	StartThermal: harness.ThermalNominal, SessionTimeout: 10 * time.Minute, ComputeUnits: harness.ComputeAll,
}

var small = harness.Model{Name: "stories-1m", Hash: "aa11", SizeBytes: 3 << 20}

func newLab(t *testing.T, scenario harness.Scenario, model harness.Model, options simulated.Options, builds ...harness.Build) *lab {
	t.Helper()
	if options.Profiles == nil {
		options.Profiles = []harness.DeviceProfile{
			{Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", Chip: "A16 Bionic", BatteryWh: 12.98},
		}
	}
	options.Start = start
	runner := simulated.New(options)
	devices, err := runner.Devices(context.Background())
	require.NoError(t, err)
	if builds == nil {
		builds = []harness.Build{{Arm: harness.ArmCandidate, BundleID: "b", Hash: "c0"}}
	}
	p, err := plan.Build(harness.Catalog{Scenarios: map[string]harness.Scenario{scenario.Name: scenario}},
		plan.Selection{Devices: devices, Models: []harness.Model{model}, Scenarios: []string{scenario.Name}, Builds: builds, Seed: 1})
	require.NoError(t, err)
	l := &lab{t: t, rec: &memory{}, runner: runner, run: harness.Run{ID: "r1", Revision: "rev", Start: start, Synthetic: true, Plan: p}}
	l.eng = &engine.Engine{
		Runner: runner, Recorder: l.rec, Clock: simulated.NewClock(start), TelemetryInterval: time.Second, ReconnectTimeout: time.Minute,
		Policy: harness.Policy{MaxBatteryCelsius: 35, CoolDownLimit: 30 * time.Minute}, Env: map[string]string{},
	}
	return l
}

func (l *lab) mustRun() engine.Report {
	l.t.Helper()
	r, err := l.eng.Run(context.Background(), l.run)
	require.NoError(l.t, err, "Run()")
	return r
}

func outcomes(r engine.Report) string {
	var out []string
	for _, e := range r.Ended {
		out = append(out, string(e.Outcome))
	}
	return strings.Join(out, " ")
}

func TestRunRecordsEverything(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{})
	r := l.mustRun()
	require.Equal(t, "ok ok", outcomes(r), "outcomes %s, pending %v, end %v", outcomes(r), r.Pending, l.rec.end)
	require.Empty(t, r.Pending, "outcomes %s, pending %v, end %v", outcomes(r), r.Pending, l.rec.end)
	require.NotNil(t, l.rec.end, "outcomes %s, pending %v, end %v", outcomes(r), r.Pending, l.rec.end)
	for i, id := range []string{"s000-candidate", "s001-candidate"} {
		entries := l.rec.of(id)
		require.NotNil(t, entries[0].SessionBegin, "%s begins with %+v and ends with %+v", id, entries[0], entries[len(entries)-1])
		require.NotNil(t, entries[len(entries)-1].SessionEnd, "%s begins with %+v and ends with %+v", id, entries[0], entries[len(entries)-1])
		begin, end := *entries[0].SessionBegin, *entries[len(entries)-1].SessionEnd
		assert.Equal(t, "aa11", begin.Fingerprint.ModelHash, "%s begins", id)
		assert.Equal(t, "normal", begin.Fingerprint.PowerMode, "%s begins", id)
		assert.Equal(t, i == 0, begin.Prepared.FirstEver, "%s begins", id)
		assert.NotNil(t, begin.State, "%s begins", id)
		require.Equal(t, 3, end.Planned, "%s ends", id)
		require.Equal(t, 3, end.Measured, "%s ends", id)
		require.Equal(t, 4*24, end.Tokens, "%s ends", id)
		require.NotNil(t, end.State, "%s ends", id)
		assert.Equal(t, harness.ThermalNominal, *end.ThermalStart, "%s ends", id)
		lines := 0
		for _, e := range entries {
			if e.Line != nil {
				lines++
				require.Equal(t, lines, e.Line.Number, "%s: line %d comes as number %d", id, lines, e.Line.Number)
			}
		}
		its := l.rec.iterations(id)
		require.Len(t, its, 4, "%s: iterations", id)
		require.True(t, its[0].Warmup, "%s: iterations", id)
		require.False(t, its[1].Warmup, "%s: iterations", id)
		assert.Len(t, its[3].TokenNs, 24, "%s: iterations", id)
		assert.Len(t, l.rec.samples(id, harness.DecodeTokS), 3, "%s", id)
		assert.Contains(t, l.rec.absence(id, harness.Energy), "resolution", "%s: energy of a second of work is absent", id)
	}
	require.Len(t, l.rec.samples("s000-candidate", harness.TTFTFirstEver), 1,
		"the first request of the first launch is first ever, of the second cold")
	assert.Len(t, l.rec.samples("s001-candidate", harness.TTFTCold), 1,
		"the first request of the first launch is first ever, of the second cold")
}

func TestSameSeedSameRun(t *testing.T) {
	one, two := newLab(t, quick, small, simulated.Options{Seed: 9, CV: 0.02}), newLab(t, quick, small, simulated.Options{Seed: 9, CV: 0.02})
	one.mustRun()
	two.mustRun()
	if !reflect.DeepEqual(one.rec.entries, two.rec.entries) {
		for i := range one.rec.entries {
			require.Equal(t, two.rec.entries[i], one.rec.entries[i], "entry")
		}
	}
}

func TestFaults(t *testing.T) {
	for fault, want := range map[string]struct {
		outcome    harness.Outcome
		reason     string
		iterations string
	}{
		"crash@token:58":  {harness.OutcomeAppCrash, "signal 6", "ok ok app_crash"},
		"jetsam@token:30": {harness.OutcomeJetsam, "killed for memory", "ok jetsam"},
		"oom@token:30":    {harness.OutcomeError, "out_of_memory: the cache could not grow", "ok invalid"},
		"hang@token:30":   {harness.OutcomeTimeout, "no end within 10m0s", "ok timeout"},
		"garble@line:12":  {harness.OutcomeOK, "", "ok invalid ok ok"},
		"gap@line:12":     {harness.OutcomeOK, "", "ok invalid ok ok"},
		"clock@token:30":  {harness.OutcomeOK, "", "ok invalid ok ok"},
		"slow@token:1":    {harness.OutcomeOK, "", "ok ok ok ok"},
		"payload@load":    {harness.OutcomeOK, "", "ok ok ok ok"},
	} {
		t.Run(fault, func(t *testing.T) {
			scenario := quick
			scenario.Sessions = 1
			l := newLab(t, scenario, small, simulated.Options{})
			l.eng.Env["LILIMS_FAULT"] = fault
			r := l.mustRun()
			got := r.Ended[0]
			assert.Equal(t, want.outcome, got.Outcome, "session ended")
			assert.Contains(t, got.Reason, want.reason, "session ended")
			var its []string
			for _, it := range l.rec.iterations("s000-candidate") {
				its = append(its, string(it.Outcome))
			}
			assert.Equal(t, want.iterations, strings.Join(its, " "))
			if fault == "payload@load" {
				found := 0
				for _, e := range l.rec.of("s000-candidate") {
					if e.Payload != nil && e.Payload.Kind == "metric" && strings.Contains(string(e.Payload.Raw), "metaData") {
						found++
					}
				}
				assert.Equal(t, 1, found, "payloads recorded")
			}
		})
	}
}

// TestLostDeviceLosesNothing: the cable comes out, the app goes on, the device comes back, its file is collected.
func TestLostDeviceLosesNothing(t *testing.T) {
	scenario := quick
	scenario.Sessions = 1
	l := newLab(t, scenario, small, simulated.Options{})
	l.eng.Env["LILIMS_FAULT"] = "lost@token:30"
	r := l.mustRun()
	require.Equal(t, "ok", outcomes(r), "ended")
	require.Equal(t, "s000-candidate", r.Ended[0].ID, "ended")
	require.Equal(t, 3, r.Ended[0].Measured, "ended")
	lines := 0
	for _, e := range l.rec.of("s000-candidate") {
		if e.Line != nil {
			lines++
			require.Equal(t, lines, e.Line.Number, "number of a recorded line")
		}
	}
	got := l.rec.iterations("s000-candidate")
	assert.Len(t, got, 4, "%d iterations recorded, want each once: 4", len(got))
	require.Len(t, l.rec.notices("device"), 1)
	assert.Len(t, l.rec.notices("retry"), 1)
}

// TestResumeAfterEveryCut kills the harness after each single entry of a run and resumes: nothing is lost, nothing twice.
func TestResumeAfterEveryCut(t *testing.T) {
	whole := newLab(t, quick, small, simulated.Options{Seed: 3})
	whole.mustRun()
	total := len(whole.rec.entries)
	for n := 1; n < total; n++ {
		l := newLab(t, quick, small, simulated.Options{Seed: 3})
		l.mustRun()
		l.rec.cut(boundary(l.rec.entries, n))
		r, err := l.eng.Resume(context.Background(), "r1")
		require.NoError(t, err, "resumed after %d of %d entries: %v, outcomes %s", n, total, err, outcomes(r))
		require.Equal(t, "ok ok", outcomes(r), "resumed after %d of %d entries: %v, outcomes %s", n, total, err, outcomes(r))
		require.NotNil(t, l.rec.end, "resumed after %d of %d entries: %v, outcomes %s", n, total, err, outcomes(r))
		for _, id := range []string{"s000-candidate", "s001-candidate"} {
			seen := map[string]int{}
			for _, e := range l.rec.of(id) {
				switch {
				case e.Line != nil:
					seen[fmt.Sprint("line ", e.Line.Number)]++
				case e.Iteration != nil:
					seen[fmt.Sprint("iteration ", e.Iteration.Index)]++
				case e.Sample != nil && e.Sample.Iteration != nil:
					seen[fmt.Sprint(e.Sample.Metric, *e.Sample.Iteration)]++
				case e.SessionEnd != nil:
					seen["end"]++
				}
			}
			for what, times := range seen {
				require.Equal(t, 1, times, "resumed after %d entries: %s of %s is recorded %d times", n, what, id, times)
			}
			require.Equal(t, 1, seen["iteration 3"], "resumed after %d entries: %s", n, id)
			require.Equal(t, 1, seen["end"], "resumed after %d entries: %s", n, id)
		}
	}
}

// boundary moves a cut to the end of the recorder's call, which is all or nothing: calls end before a line, a battery
// reading, a host's sample, a session's beginning.
func boundary(entries []harness.Entry, n int) int {
	for ; n < len(entries); n++ {
		e := entries[n]
		if e.Line != nil || e.Battery != nil || e.SessionBegin != nil || e.Sample != nil && e.Sample.Metric == harness.FootprintHost {
			return n
		}
	}
	return n
}

func TestResumeMakesWhatWasCancelled(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	l.eng.Progress = func(p engine.Progress) {
		if p.Step == "generating" && p.Iteration == 2 {
			cancel()
		}
	}
	r, err := l.eng.Run(ctx, l.run)
	require.False(t, !errors.Is(err, context.Canceled) || outcomes(r) != "cancelled" || len(r.Pending) != 2 || l.rec.end != nil,
		"cancelled run: %v, %s, pending %v", err, outcomes(r), r.Pending)
	r, err = l.eng.Resume(context.Background(), "r1")
	require.NoError(t, err, "resumed run")
	require.Empty(t, r.Pending, "resumed run")
	require.Equal(t, "ok ok", outcomes(r), "resumed run")
	require.Equal(t, "s000-candidate.2", r.Ended[0].ID, "resumed run")
	_, err = l.eng.Resume(context.Background(), "r9")
	assert.Equal(t, harness.KindUsage, harness.KindOf(err), "resuming an unknown run")
}

func TestFullDiskStopsTheRun(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{})
	l.rec.failAt = 12
	_, err := l.eng.Run(context.Background(), l.run)
	require.Equal(t, harness.KindStorage, harness.KindOf(err), "Run()")
	require.ErrorIs(t, err, errFull, "Run()")
	require.NotEmpty(t, harness.HintOf(err), "Run()")
	l.rec.failAt = 0
	r, err := l.eng.Resume(context.Background(), "r1")
	require.NoError(t, err, "resumed")
	assert.Equal(t, "ok ok", outcomes(r), "resumed")
}

// TestHotDeviceIsWaitedFor: the soak leaves the phone hot; the next session starts when it has cooled, and says so.
func TestHotDeviceIsWaitedFor(t *testing.T) {
	scenario := soak()
	scenario.Sessions, scenario.IdleBefore = 2, 0
	l := newLab(t, scenario, large, simulated.Options{})
	l.mustRun()
	waits := l.rec.notices("wait")
	require.Len(t, waits, 2)
	require.Contains(t, waits[0], "thermal state is", "waits")
	assert.True(t, strings.HasPrefix(waits[1], "waited "), "waits")
	l = newLab(t, scenario, large, simulated.Options{})
	l.eng.Policy.CoolDownLimit = 10 * time.Second
	r, err := l.eng.Run(context.Background(), l.run)
	require.Equal(t, harness.KindDevice, harness.KindOf(err), "impatient run")
	require.Equal(t, "ok refused", outcomes(r), "impatient run")
	assert.Contains(t, r.Ended[1].Reason, "unchanged after 10s", "impatient run")
}

var large = harness.Model{Name: "gemma", Hash: "bb22", SizeBytes: 2 << 30, Quantization: "int4"}

func soak() harness.Scenario {
	return harness.Scenario{
		Name: "soak", PromptTokens: 64, GenerateTokens: 256, Duration: 5 * time.Minute, IdleBefore: 2 * time.Minute, Sessions: 1,
		StartThermal: harness.ThermalNominal, SessionTimeout: 30 * time.Minute, ComputeUnits: harness.ComputeAll,
	}
}

func TestSoakMeasuresEnergyAndRetention(t *testing.T) {
	l := newLab(t, soak(), large, simulated.Options{})
	began := time.Now()
	l.mustRun()
	assert.LessOrEqual(t, time.Since(began), 20*time.Second, "five simulated minutes")
	id := "s000-candidate"
	energy := l.rec.samples(id, harness.Energy)
	require.Len(t, energy, 1, "energy, absent: %q", l.rec.absence(id, harness.Energy))
	e := energy[0]
	require.Equal(t, "gauge-accumulator-net", e.Method, "energy")
	require.NotNil(t, e.Uncertainty, "energy")
	assert.LessOrEqual(t, *e.Uncertainty, 0.05*e.Value, "energy")
	assert.GreaterOrEqual(t, e.Value, 300.0, "energy")
	assert.LessOrEqual(t, e.Value, 1500.0, "energy")
	for metric, bounds := range map[string][2]float64{harness.Retention60: {0.6, 0.98}, harness.Retention300: {0.5, 0.85}} {
		got := l.rec.samples(id, metric)
		require.Len(t, got, 1, "%s", metric)
		require.GreaterOrEqual(t, got[0].Value, bounds[0], "%s", metric)
		assert.LessOrEqual(t, got[0].Value, bounds[1], "%s", metric)
	}
	end := l.rec.of(id)[len(l.rec.of(id))-1].SessionEnd
	assert.GreaterOrEqual(t, end.ThermalWorst.Rank(), harness.ThermalFair.Rank(), "worst thermal state after five minutes at full load")
	perToken := l.rec.samples(id, harness.EnergyPerToken)
	require.Len(t, perToken, 1, "energy per token %+v of %d tokens and %v J", perToken, end.Tokens, e.Value)
	assert.InDelta(t, e.Value, perToken[0].Value*float64(end.Tokens), 0.01*e.Value,
		"energy per token %+v of %d tokens and %v J", perToken, end.Tokens, e.Value)
}

// TestMinimumWorkCarriesEnergy: iterations go on after the planned number until there is energy to tell.
func TestMinimumWorkCarriesEnergy(t *testing.T) {
	scenario := quick
	scenario.MinimumWork = time.Minute
	l := newLab(t, scenario, small, simulated.Options{CV: 0.02})
	var beyond bool
	l.eng.Progress = func(p engine.Progress) {
		beyond = beyond || p.Step == "generating" && p.Iteration > 4 && p.Iterations == 0
		if p.Step == "generating" && p.Iterations != 0 {
			require.Less(t, p.Iteration, p.Iterations, "progress says iteration %d", p.Iteration+1)
		}
	}
	l.mustRun()
	assert.True(t, beyond, "progress never told of iterations beyond the planned ones")
	for _, id := range []string{"s000-candidate", "s001-candidate"} {
		its := l.rec.iterations(id)
		first, last := its[1], its[len(its)-1]
		worked := time.Duration(*last.EndNs - first.BeginNs)
		assert.GreaterOrEqual(t, worked, time.Minute,
			"%s worked for %v in %d iterations, want the first end after a minute", id, worked, len(its))
		assert.Less(t, time.Duration(last.BeginNs-first.BeginNs), time.Minute,
			"%s worked for %v in %d iterations, want the first end after a minute", id, worked, len(its))
		end := l.rec.of(id)[len(l.rec.of(id))-1].SessionEnd
		require.Equal(t, len(its)-1, end.Planned, "%s: %d of %d measured, %d were made", id, end.Measured, end.Planned, len(its)-1)
		assert.Equal(t, end.Planned, end.Measured, "%s: %d of %d measured, %d were made", id, end.Measured, end.Planned, len(its)-1)
		energy := l.rec.samples(id, harness.EnergyPerToken)
		require.Len(t, energy, 1, "%s: energy per token, absent: %q", id, l.rec.absence(id, harness.EnergyPerToken))
		assert.Equal(t, "gauge-accumulator", energy[0].Method, id)
		assert.NotNil(t, energy[0].Uncertainty, id)
	}
}

// TestSoakTellsWhenItFell: how fast throughput falls is a figure, and heat that ends a soak early is its outcome.
func TestSoakTellsWhenItFell(t *testing.T) {
	l := newLab(t, soak(), large, simulated.Options{})
	l.mustRun()
	id := "s000-candidate"
	fell := l.rec.samples(id, harness.TimeTo90)
	require.Len(t, fell, 1, "time to 90 %%, absent: %q", l.rec.absence(id, harness.TimeTo90))
	assert.GreaterOrEqual(t, fell[0].Value, 10.0, "time to 90 %%")
	assert.LessOrEqual(t, fell[0].Value, 150.0, "time to 90 %%")
	assert.Equal(t, "s", fell[0].Unit, "time to 90 %%")
	ranks := l.rec.samples(id, harness.ThermalRank)
	require.GreaterOrEqual(t, len(ranks), 2, "thermal states")
	require.InDelta(t, 0, ranks[0].Value, 0, "thermal states")
	require.GreaterOrEqual(t, ranks[len(ranks)-1].Value, 1.0, "thermal states")
	assert.NotNil(t, ranks[0].DeviceNs, "thermal states")

	hot := soak()
	hot.AbortThermal = harness.ThermalFair
	l = newLab(t, hot, large, simulated.Options{})
	r, err := l.eng.Run(context.Background(), l.run)
	require.NoError(t, err, "Run()")
	require.Equal(t, "thermal", outcomes(r), "Run()")
	require.Equal(t, "the app stopped at its thermal limit", r.Ended[0].Reason, "Run()")
	why := l.rec.absence(id, harness.Retention300)
	assert.True(t, strings.HasPrefix(why, "the app stopped at its thermal limit after "), "retention at 300 s is absent because of %q", why)
	assert.Len(t, l.rec.samples(id, harness.Retention60), 1, "retention at 60 s, absent: %q", l.rec.absence(id, harness.Retention60))
}

func TestChargingRefusesEnergy(t *testing.T) {
	l := newLab(t, soak(), large, simulated.Options{Charging: true})
	l.mustRun()
	got := l.rec.absence("s000-candidate", harness.Energy)
	assert.True(t, strings.HasPrefix(got, "the battery was charging in "), "energy is absent because of %q", got)
}

// steppedClock is a host's clock that is set after so many looks at its step.
type steppedClock struct {
	harness.Clock
	looks *int
}

func (c steppedClock) Step() time.Duration {
	if *c.looks++; *c.looks > 1 {
		return -time.Hour
	}
	return 0
}

func TestAHostClockThatIsSetIsToldOf(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{})
	l.eng.Clock = steppedClock{l.eng.Clock, new(int)}
	l.mustRun()
	got := l.rec.notices("clock")
	require.Len(t, got, 1, "notices: want one of the first session's clock")
	assert.Contains(t, got[0], "set back by 1h0m0s", "notices: want one of the first session's clock")
	got2 := len(l.rec.samples("s000-candidate", harness.DecodeTokS))
	assert.Equal(t, 3, got2, "%d decode rates, want 3: no figure rests on the host's clock", got2)
}

func TestRunChecksAllDevicesFirst(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{Count: 3})
	for i := range l.run.Plan.Cases[:2] {
		l.run.Plan.Cases[i].Device.UDID = fmt.Sprintf("gone%d", i)
	}
	_, err := l.eng.Run(context.Background(), l.run)
	assert.Equal(t, harness.KindDevice, harness.KindOf(err), "Run()")
	require.ErrorContains(t, err, "gone0", "Run() names both missing devices")
	require.ErrorContains(t, err, "gone1", "Run() names both missing devices")
	assert.Empty(t, l.rec.run.ID, "a run was recorded although it could not begin")
}

func TestFourDevicesAtOnce(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{Count: 4, CV: 0.02})
	var mu sync.Mutex
	seen := map[string]bool{}
	l.eng.Progress = func(p engine.Progress) {
		mu.Lock()
		defer mu.Unlock()
		seen[p.Device.UDID] = true
	}
	r := l.mustRun()
	require.Len(t, r.Ended, 8, "%d sessions ended on %d devices", len(r.Ended), len(seen))
	require.Len(t, seen, 4, "%d sessions ended on %d devices", len(r.Ended), len(seen))
	for _, p := range l.run.Plan.Sessions {
		for _, e := range l.rec.of(p.ID) {
			if e.Line != nil && strings.Contains(e.Line.Text, `"kind":"hello"`) {
				assert.Contains(t, e.Line.Text, `"session":"`+p.ID+`"`, "session %s holds the line %s", p.ID, e.Line.Text)
			}
		}
	}
}

func TestUnusableModelIsTold(t *testing.T) {
	torn := small
	torn.Path = "/does/not/exist"
	l := newLab(t, quick, torn, simulated.Options{})
	r, err := l.eng.Run(context.Background(), l.run)
	require.Equal(t, harness.KindModel, harness.KindOf(err), "Run() = %v, outcomes %s", err, outcomes(r))
	require.Equal(t, "refused refused", outcomes(r), "Run() = %v, outcomes %s", err, outcomes(r))
	assert.NotNil(t, l.rec.end, "Run() = %v, outcomes %s", err, outcomes(r))
}

func TestInterleavedArmsShowASlowBuild(t *testing.T) {
	scenario := quick
	scenario.Sessions = 3
	l := newLab(t, scenario, large, simulated.Options{Speed: map[harness.Arm]float64{harness.ArmCandidate: 0.85}},
		harness.Build{Arm: harness.ArmCandidate, BundleID: "c", Hash: "c1"}, harness.Build{Arm: harness.ArmBaseline, BundleID: "b", Hash: "b1"})
	l.mustRun()
	rate := map[harness.Arm]float64{}
	for _, p := range l.run.Plan.Sessions {
		for _, s := range l.rec.samples(p.ID, harness.DecodeTokS) {
			rate[p.Arm] += s.Value
		}
	}
	assert.InDelta(t, 0.85, rate[harness.ArmCandidate]/rate[harness.ArmBaseline], 0.05, "candidate")
}

// ordered writes down which devices are opened.
type ordered struct {
	harness.Runner
	opened []string
}

func (o *ordered) Open(ctx context.Context, d harness.Device) (harness.Handle, error) {
	o.opened = append(o.opened, d.UDID)
	return o.Runner.Open(ctx, d)
}

// TestDevicesAreOpenedInOneOrder: two runs that wait for each other's devices would otherwise wait for ever.
func TestDevicesAreOpenedInOneOrder(t *testing.T) {
	for _, turned := range []bool{false, true} {
		l := newLab(t, quick, small, simulated.Options{Profiles: []harness.DeviceProfile{
			{Name: "iPhone15", ProductType: "iPhone15,4", Chip: "A16 Bionic"}, {Name: "iPhone12", ProductType: "iPhone13,2", Chip: "A14 Bionic"},
		}})
		if turned {
			slices.Reverse(l.run.Plan.Sessions)
		}
		runner := &ordered{Runner: l.runner}
		l.eng.Runner = runner
		l.mustRun()
		require.Len(t, runner.opened, 2)
		assert.True(t, slices.IsSorted(runner.opened), "%q", runner.opened)
	}
}
