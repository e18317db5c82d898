package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/runners/simulated"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

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
		options.Profiles = []harness.DeviceProfile{{Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", Chip: "A16 Bionic", BatteryWh: 12.98}}
	}
	options.Start = start
	runner := simulated.New(options)
	devices, err := runner.Devices(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if builds == nil {
		builds = []harness.Build{{Arm: harness.ArmCandidate, BundleID: "b", Hash: "c0"}}
	}
	p, err := plan.Build(harness.Catalog{Scenarios: map[string]harness.Scenario{scenario.Name: scenario}},
		plan.Selection{Devices: devices, Models: []harness.Model{model}, Scenarios: []string{scenario.Name}, Builds: builds, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		l.t.Fatalf("Run() = %v", err)
	}
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
	if outcomes(r) != "ok ok" || len(r.Pending) != 0 || l.rec.end == nil {
		t.Fatalf("outcomes %s, pending %v, end %v", outcomes(r), r.Pending, l.rec.end)
	}
	for i, id := range []string{"s000-candidate", "s001-candidate"} {
		entries := l.rec.of(id)
		if entries[0].SessionBegin == nil || entries[len(entries)-1].SessionEnd == nil {
			t.Fatalf("%s begins with %+v and ends with %+v", id, entries[0], entries[len(entries)-1])
		}
		begin, end := *entries[0].SessionBegin, *entries[len(entries)-1].SessionEnd
		if begin.Fingerprint.ModelHash != "aa11" || begin.Fingerprint.PowerMode != "normal" || begin.Prepared.FirstEver != (i == 0) || begin.State == nil {
			t.Errorf("%s begins as %+v", id, begin)
		}
		if end.Planned != 3 || end.Measured != 3 || end.Tokens != 4*24 || end.State == nil || *end.ThermalStart != harness.ThermalNominal {
			t.Errorf("%s ends as %+v", id, end)
		}
		lines := 0
		for _, e := range entries {
			if e.Line != nil {
				lines++
				if e.Line.Number != lines {
					t.Fatalf("%s: line %d comes as number %d", id, lines, e.Line.Number)
				}
			}
		}
		if its := l.rec.iterations(id); len(its) != 4 || !its[0].Warmup || its[1].Warmup || len(its[3].TokenNs) != 24 {
			t.Errorf("%s: iterations %+v", id, its)
		}
		if got := len(l.rec.samples(id, harness.DecodeTokS)); got != 3 {
			t.Errorf("%s: %d decode rates, want 3", id, got)
		}
		if got := l.rec.absence(id, harness.Energy); !strings.Contains(got, "resolution") {
			t.Errorf("%s: energy of a second of work is absent because of %q", id, got)
		}
	}
	if len(l.rec.samples("s000-candidate", harness.TTFTFirstEver)) != 1 || len(l.rec.samples("s001-candidate", harness.TTFTCold)) != 1 {
		t.Error("the first request of the first launch is first ever, of the second cold")
	}
}

func TestSameSeedSameRun(t *testing.T) {
	one, two := newLab(t, quick, small, simulated.Options{Seed: 9, CV: 0.02}), newLab(t, quick, small, simulated.Options{Seed: 9, CV: 0.02})
	one.mustRun()
	two.mustRun()
	if !reflect.DeepEqual(one.rec.entries, two.rec.entries) {
		for i := range one.rec.entries {
			if !reflect.DeepEqual(one.rec.entries[i], two.rec.entries[i]) {
				t.Fatalf("entry %d: %+v and %+v", i, one.rec.entries[i], two.rec.entries[i])
			}
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
			if got := r.Ended[0]; got.Outcome != want.outcome || !strings.Contains(got.Reason, want.reason) {
				t.Errorf("session ended %s (%s), want %s (%s)", got.Outcome, got.Reason, want.outcome, want.reason)
			}
			var its []string
			for _, it := range l.rec.iterations("s000-candidate") {
				its = append(its, string(it.Outcome))
			}
			if got := strings.Join(its, " "); got != want.iterations {
				t.Errorf("iterations %s, want %s", got, want.iterations)
			}
			if fault == "payload@load" {
				found := 0
				for _, e := range l.rec.of("s000-candidate") {
					if e.Payload != nil && e.Payload.Kind == "metric" && strings.Contains(string(e.Payload.Raw), "metaData") {
						found++
					}
				}
				if found != 1 {
					t.Errorf("%d payloads recorded", found)
				}
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
	if outcomes(r) != "ok" || r.Ended[0].ID != "s000-candidate" || r.Ended[0].Measured != 3 {
		t.Fatalf("ended %+v", r.Ended)
	}
	lines := 0
	for _, e := range l.rec.of("s000-candidate") {
		if e.Line != nil {
			if lines++; e.Line.Number != lines {
				t.Fatalf("line %d recorded as %d", lines, e.Line.Number)
			}
		}
	}
	if got := l.rec.iterations("s000-candidate"); len(got) != 4 {
		t.Errorf("%d iterations recorded, want each once: 4", len(got))
	}
	if len(l.rec.notices("device")) != 1 || len(l.rec.notices("retry")) != 1 {
		t.Errorf("notices %v, %v", l.rec.notices("device"), l.rec.notices("retry"))
	}
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
		if err != nil || outcomes(r) != "ok ok" || l.rec.end == nil {
			t.Fatalf("resumed after %d of %d entries: %v, outcomes %s", n, total, err, outcomes(r))
		}
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
				if times != 1 {
					t.Fatalf("resumed after %d entries: %s of %s is recorded %d times", n, what, id, times)
				}
			}
			if seen["iteration 3"] != 1 || seen["end"] != 1 {
				t.Fatalf("resumed after %d entries: %s has %v", n, id, seen)
			}
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
	if !errors.Is(err, context.Canceled) || outcomes(r) != "cancelled" || len(r.Pending) != 2 || l.rec.end != nil {
		t.Fatalf("cancelled run: %v, %s, pending %v", err, outcomes(r), r.Pending)
	}
	r, err = l.eng.Resume(context.Background(), "r1")
	if err != nil || len(r.Pending) != 0 || outcomes(r) != "ok ok" || r.Ended[0].ID != "s000-candidate.2" {
		t.Fatalf("resumed run: %v, %+v", err, r)
	}
	if _, err := l.eng.Resume(context.Background(), "r9"); harness.KindOf(err) != harness.KindUsage {
		t.Errorf("resuming an unknown run: %v", err)
	}
}

func TestFullDiskStopsTheRun(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{})
	l.rec.failAt = 12
	_, err := l.eng.Run(context.Background(), l.run)
	if harness.KindOf(err) != harness.KindStorage || !errors.Is(err, errFull) || harness.HintOf(err) == "" {
		t.Fatalf("Run() = %v", err)
	}
	l.rec.failAt = 0
	r, err := l.eng.Resume(context.Background(), "r1")
	if err != nil || outcomes(r) != "ok ok" {
		t.Errorf("resumed: %v, %s", err, outcomes(r))
	}
}

// TestHotDeviceIsWaitedFor: the soak leaves the phone hot; the next session starts when it has cooled, and says so.
func TestHotDeviceIsWaitedFor(t *testing.T) {
	scenario := soak()
	scenario.Sessions, scenario.IdleBefore = 2, 0
	l := newLab(t, scenario, large, simulated.Options{})
	l.mustRun()
	waits := l.rec.notices("wait")
	if len(waits) != 2 || !strings.Contains(waits[0], "thermal state is") || !strings.HasPrefix(waits[1], "waited ") {
		t.Errorf("waits = %q", waits)
	}
	l = newLab(t, scenario, large, simulated.Options{})
	l.eng.Policy.CoolDownLimit = 10 * time.Second
	r, err := l.eng.Run(context.Background(), l.run)
	if harness.KindOf(err) != harness.KindDevice || outcomes(r) != "ok refused" || !strings.Contains(r.Ended[1].Reason, "unchanged after 10s") {
		t.Errorf("impatient run: %v, %s", err, outcomes(r))
	}
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
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("five simulated minutes took %v", took)
	}
	id := "s000-candidate"
	energy := l.rec.samples(id, harness.Energy)
	if len(energy) != 1 {
		t.Fatalf("no energy: %s", l.rec.absence(id, harness.Energy))
	}
	e := energy[0]
	if e.Method != "gauge-accumulator-net" || e.Uncertainty == nil || *e.Uncertainty > 0.05*e.Value || e.Value < 300 || e.Value > 1500 {
		t.Errorf("energy %+v ± %v", e, e.Uncertainty)
	}
	for metric, bounds := range map[string][2]float64{harness.Retention60: {0.6, 0.98}, harness.Retention300: {0.5, 0.85}} {
		got := l.rec.samples(id, metric)
		if len(got) != 1 || got[0].Value < bounds[0] || got[0].Value > bounds[1] {
			t.Errorf("%s = %+v, want a value in %v", metric, got, bounds)
		}
	}
	end := l.rec.of(id)[len(l.rec.of(id))-1].SessionEnd
	if end.ThermalWorst.Rank() < harness.ThermalFair.Rank() {
		t.Errorf("worst thermal state %s after five minutes at full load", *end.ThermalWorst)
	}
	perToken := l.rec.samples(id, harness.EnergyPerToken)
	if len(perToken) != 1 || math.Abs(perToken[0].Value*float64(end.Tokens)-e.Value) > 0.01*e.Value {
		t.Errorf("energy per token %+v of %d tokens and %v J", perToken, end.Tokens, e.Value)
	}
}

// TestMinimumWorkCarriesEnergy: iterations go on after the planned number until there is energy to tell.
func TestMinimumWorkCarriesEnergy(t *testing.T) {
	scenario := quick
	scenario.MinimumWork = time.Minute
	l := newLab(t, scenario, small, simulated.Options{CV: 0.02})
	var beyond bool
	l.eng.Progress = func(p engine.Progress) {
		beyond = beyond || p.Step == "generating" && p.Iteration > 4 && p.Iterations == 0
		if p.Step == "generating" && p.Iterations != 0 && p.Iteration >= p.Iterations {
			t.Fatalf("progress says iteration %d of %d", p.Iteration+1, p.Iterations)
		}
	}
	l.mustRun()
	if !beyond {
		t.Error("progress never told of iterations beyond the planned ones")
	}
	for _, id := range []string{"s000-candidate", "s001-candidate"} {
		its := l.rec.iterations(id)
		first, last := its[1], its[len(its)-1]
		if worked := time.Duration(*last.EndNs - first.BeginNs); worked < time.Minute || time.Duration(last.BeginNs-first.BeginNs) >= time.Minute {
			t.Errorf("%s worked for %v in %d iterations, want the first end after a minute", id, worked, len(its))
		}
		end := l.rec.of(id)[len(l.rec.of(id))-1].SessionEnd
		if end.Planned != len(its)-1 || end.Measured != end.Planned {
			t.Errorf("%s: %d of %d measured, %d were made", id, end.Measured, end.Planned, len(its)-1)
		}
		if energy := l.rec.samples(id, harness.EnergyPerToken); len(energy) != 1 || energy[0].Method != "gauge-accumulator" || energy[0].Uncertainty == nil {
			t.Errorf("%s: energy per token %+v, absent: %q", id, energy, l.rec.absence(id, harness.EnergyPerToken))
		}
	}
}

// TestSoakTellsWhenItFell: how fast throughput falls is a figure, and heat that ends a soak early is its outcome.
func TestSoakTellsWhenItFell(t *testing.T) {
	l := newLab(t, soak(), large, simulated.Options{})
	l.mustRun()
	id := "s000-candidate"
	fell := l.rec.samples(id, harness.TimeTo90)
	if len(fell) != 1 || fell[0].Value < 10 || fell[0].Value > 150 || fell[0].Unit != "s" {
		t.Errorf("time to 90 %% = %+v, absent: %q", fell, l.rec.absence(id, harness.TimeTo90))
	}
	ranks := l.rec.samples(id, harness.ThermalRank)
	if len(ranks) < 2 || ranks[0].Value != 0 || ranks[len(ranks)-1].Value < 1 || ranks[0].DeviceNs == nil {
		t.Errorf("thermal states %+v, want nominal first and a hotter one later", ranks)
	}

	hot := soak()
	hot.AbortThermal = harness.ThermalFair
	l = newLab(t, hot, large, simulated.Options{})
	r, err := l.eng.Run(context.Background(), l.run)
	if err != nil || outcomes(r) != "thermal" || r.Ended[0].Reason != "the app stopped at its thermal limit" {
		t.Fatalf("Run() = %v, %+v", err, r.Ended)
	}
	if why := l.rec.absence(id, harness.Retention300); !strings.HasPrefix(why, "the app stopped at its thermal limit after ") {
		t.Errorf("retention at 300 s is absent because of %q", why)
	}
	if len(l.rec.samples(id, harness.Retention60)) != 1 {
		t.Errorf("no retention at 60 s: %q", l.rec.absence(id, harness.Retention60))
	}
}

func TestChargingRefusesEnergy(t *testing.T) {
	l := newLab(t, soak(), large, simulated.Options{Charging: true})
	l.mustRun()
	if got := l.rec.absence("s000-candidate", harness.Energy); !strings.HasPrefix(got, "the battery was charging in ") {
		t.Errorf("energy is absent because of %q", got)
	}
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
	if got := l.rec.notices("clock"); len(got) != 1 || !strings.Contains(got[0], "set back by 1h0m0s") {
		t.Errorf("notices = %q, want one of the first session's clock", got)
	}
	if got := len(l.rec.samples("s000-candidate", harness.DecodeTokS)); got != 3 {
		t.Errorf("%d decode rates, want 3: no figure rests on the host's clock", got)
	}
}

func TestRunChecksAllDevicesFirst(t *testing.T) {
	l := newLab(t, quick, small, simulated.Options{Count: 3})
	for i := range l.run.Plan.Cases[:2] {
		l.run.Plan.Cases[i].Device.UDID = fmt.Sprintf("gone%d", i)
	}
	_, err := l.eng.Run(context.Background(), l.run)
	if harness.KindOf(err) != harness.KindDevice && !strings.Contains(fmt.Sprint(err), "gone0") || !strings.Contains(fmt.Sprint(err), "gone1") {
		t.Errorf("Run() = %v, want both missing devices in it", err)
	}
	if l.rec.run.ID != "" {
		t.Error("a run was recorded although it could not begin")
	}
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
	if len(r.Ended) != 8 || len(seen) != 4 {
		t.Fatalf("%d sessions ended on %d devices", len(r.Ended), len(seen))
	}
	for _, p := range l.run.Plan.Sessions {
		for _, e := range l.rec.of(p.ID) {
			if e.Line != nil && strings.Contains(e.Line.Text, `"kind":"hello"`) && !strings.Contains(e.Line.Text, `"session":"`+p.ID+`"`) {
				t.Errorf("session %s holds the line %s", p.ID, e.Line.Text)
			}
		}
	}
}

func TestUnusableModelIsTold(t *testing.T) {
	torn := small
	torn.Path = "/does/not/exist"
	l := newLab(t, quick, torn, simulated.Options{})
	r, err := l.eng.Run(context.Background(), l.run)
	if harness.KindOf(err) != harness.KindModel || outcomes(r) != "refused refused" || l.rec.end == nil {
		t.Errorf("Run() = %v, outcomes %s", err, outcomes(r))
	}
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
	if ratio := rate[harness.ArmCandidate] / rate[harness.ArmBaseline]; math.Abs(ratio-0.85) > 0.05 {
		t.Errorf("candidate is at %.3f of the baseline, want 0.85", ratio)
	}
}
