package release

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/harness/store"
)

// launchRun is a recorded run of one case, for the checks to find.
type launchRun struct {
	kind     harness.DeviceKind
	units    []string  // of each session; none: one session on U1
	values   []float64 // of each session's decode speed; 0: no reading
	peaks    []float64 // of each session's footprint
	outcome  harness.Outcome
	model    string // hash; empty: h1
	build    string // hash; empty: b1
	arm      harness.Arm
	tokens   int // that the scenario generates; 0: as in the catalogue
	scenario string
	absent   string
	lost     bool // its launches are planned and none has begun
}

// recordLaunches records runs, oldest first, named r1, r2, …
func recordLaunches(t *testing.T, runs []launchRun) *evaluation {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(t.TempDir(), "bench.sqlite"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for i, r := range runs {
		r.record(t, db, fmt.Sprintf("r%d", i+1), time.Date(2026, 11, 1+i, 1, 0, 0, 0, time.UTC))
	}
	out := &evaluation{kinds: []harness.DeviceKind{harness.KindIPhone, harness.KindVirtual}, recordings: db,
		model: shipped{Model: harness.Model{Name: "m", Hash: "h1"}}}
	require.NoError(t, out.readRuns(ctx))
	return out
}

func either(word, otherwise string) string {
	if word == "" {
		return otherwise
	}
	return word
}

func (r launchRun) record(t *testing.T, db *store.Store, name string, begun time.Time) {
	t.Helper()
	scenario := harness.Scenario{Name: either(r.scenario, "quick"), GenerateTokens: max(r.tokens, 1)}
	of := harness.Case{Device: harness.Device{UDID: "U1", Kind: r.kind, Name: "phone", ProductType: "iPhone15,4"},
		Model: harness.Model{Name: "m", Hash: either(r.model, "h1")}, Scenario: scenario}
	arm := harness.Arm(either(string(r.arm), string(harness.ArmCandidate)))
	build := harness.Build{Arm: arm, Hash: either(r.build, "b1"), Revision: "rev-" + either(r.build, "b1")}
	run := harness.Run{ID: name, Start: begun, End: &begun, Plan: harness.Plan{Cases: []harness.Case{of}, Builds: []harness.Build{build}}}
	require.NoError(t, db.Begin(t.Context(), run))
	if len(r.units) == 0 {
		r.units = []string{"U1"}
	}
	for i, unit := range r.units {
		if r.lost {
			break
		}
		at := of
		at.Device.UDID = unit
		planned := harness.PlannedSession{ID: fmt.Sprintf("s%03d", i), Ordinal: i, Arm: arm}
		entries := []harness.Entry{{SessionBegin: &harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned, Case: at, Build: build,
			Fingerprint: harness.Fingerprint{UDID: unit, Kind: r.kind}, At: begun.Add(time.Duration(i) * time.Minute)}}}
		for metric, values := range map[string][]float64{harness.DecodeTokS: r.values, harness.PeakFootprint: r.peaks} {
			if i < len(values) && values[i] > 0 {
				entries = append(entries, harness.Entry{Sample: &harness.Sample{Session: planned.ID, Metric: metric, Value: values[i],
					Unit: "tok/s", At: begun, Source: harness.SourceApp}})
			}
		}
		if r.absent != "" {
			entries = append(entries, harness.Entry{Absence: &harness.Absence{Session: planned.ID, Metric: harness.DecodeTokS, Reason: r.absent}})
		}
		entries = append(entries, harness.Entry{SessionEnd: &harness.SessionEnd{ID: planned.ID,
			Outcome: harness.Outcome(either(string(r.outcome), "ok")), At: begun}})
		for i := range entries {
			entries[i].Session = planned.ID
		}
		require.NoError(t, db.Record(t.Context(), name, entries...))
	}
}

// claimOf is a claim of 20 tokens a second about the runs' case.
func claimOf() Claim {
	return Claim{Check: CheckClaim, Bounds: map[string]float64{harness.DecodeTokS: 20},
		Device: harness.DeviceProfile{Name: "iPhone15", ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m", Hash: "h1"},
		Scenario: harness.Scenario{Name: "quick", GenerateTokens: 1}}
}

func TestEvidence(t *testing.T) {
	const phone, twin = harness.KindIPhone, harness.KindVirtual
	for name, c := range map[string]struct {
		runs   []launchRun
		build  string
		status Status
		from   string // run of the evidence
		value  float64
		says   string
	}{
		"nothing":              {nil, "", NotMeasured, "", 0, "no run of iPhone15,4/m/quick is recorded on an iPhone or a virtual iPhone"},
		"the latest":           {[]launchRun{{kind: phone, values: []float64{10}}, {kind: phone, values: []float64{30}}}, "", Pass, "r2", 30, ""},
		"the latest is slower": {[]launchRun{{kind: phone, values: []float64{30}}, {kind: phone, values: []float64{10}}}, "", Fail, "r2", 10, ""},
		"a phone before a virtual one": {[]launchRun{{kind: phone, values: []float64{10}}, {kind: twin, values: []float64{30}}}, "",
			Fail, "r1", 10, ""},
		"a virtual one where there is no phone": {[]launchRun{{kind: twin, values: []float64{30}}}, "", Pass, "r1", 30, ""},
		"no simulated or imported ones": {[]launchRun{{kind: harness.KindSimulated, values: []float64{30}},
			{kind: harness.KindImported, values: []float64{30}}}, "",
			NotMeasured, "", 0, "no run of"},
		"median of sessions": {[]launchRun{{kind: phone, units: []string{"U1", "U1", "U1"}, values: []float64{30, 22, 10}}},
			"", Pass, "r1", 22, ""},
		"the worse unit": {[]launchRun{{kind: phone, units: []string{"U1", "U2"}, values: []float64{30, 12}}}, "", Fail, "r1", 12, ""},
		"another conversion": {[]launchRun{{kind: phone, model: "h0", values: []float64{30}}},
			"", NotMeasured, "", 0, "run r1 is of another conversion of the model; --measure"},
		"another scenario": {[]launchRun{{kind: phone, tokens: 7, values: []float64{30}}},
			"", NotMeasured, "", 0, "run r1 is of another form of the scenario"},
		"a baseline's": {[]launchRun{{kind: phone, arm: harness.ArmBaseline, values: []float64{30}}}, "", NotMeasured, "", 0, "no run of"},
		"the build": {[]launchRun{{kind: phone, values: []float64{30}},
			{kind: phone, build: "b2", values: []float64{10}}}, "b1", Pass, "r1", 30, ""},
		"the build, baseline": {[]launchRun{{kind: phone, arm: harness.ArmBaseline, values: []float64{30}}}, "b1", Pass, "r1", 30, ""},
		"no run of the build": {[]launchRun{{kind: phone, build: "b2", values: []float64{30}}},
			"b1", NotMeasured, "", 0, "run r1 is of another build, rev-b2"},
		"absent, with reason": {[]launchRun{{kind: phone, values: []float64{30}}, {kind: phone, absent: "it ended too soon"}}, "",
			NotMeasured, "", 0, "run r2: it ended too soon"},
		"killed": {[]launchRun{{kind: phone, values: []float64{30}},
			{kind: phone, outcome: harness.OutcomeJetsam}}, "", Fail, "", 0, "session s000 of run r2: jetsam"},
		"lost": {[]launchRun{{kind: phone, values: []float64{30}},
			{kind: phone, outcome: harness.OutcomeDeviceLost}}, "", NotMeasured, "", 0, "session s000 of run r2: device_lost"},
		"unbegun": {[]launchRun{{kind: phone, values: []float64{30}}, {kind: phone, lost: true}}, "", Pass, "r1", 30, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := recordLaunches(t, c.runs)
			r.build = c.build
			checks, err := r.check(t.Context(), claimOf())
			require.NoError(t, err, "check()")
			require.Len(t, checks, 1, "check()")
			g := checks[0]
			require.Equal(t, c.status, g.Status)
			require.Contains(t, g.Reason, c.says)
			require.Equal(t, c.value == 0, g.Value == nil)
			if g.Value != nil {
				assert.InDelta(t, c.value, *g.Value, 0)
			}
			for _, e := range g.Evidence {
				assert.Equal(t, c.from, e.Run, "evidence")
				assert.GreaterOrEqual(t, e.Sessions, 1, "evidence")
				assert.NotEmpty(t, e.Build, "evidence")
				assert.NotNil(t, e.At, "evidence")
			}
		})
	}
}

// TestMemoryOfRuns holds what runs took, and how they ended, against what the phone leaves to an app.
func TestMemoryOfRuns(t *testing.T) {
	m := modelstore.Manifest{Context: 100,
		Files: []modelstore.File{{Path: "model.mlpackage/w", Size: 1000}, {Path: "tokenizer.json", Size: 5e6}}}
	m.Architecture.Layers, m.Architecture.KVHeads, m.Architecture.HeadDim = 2, 1, 5
	const calculated = 1000 + 2*2*1*5*2*100
	for name, c := range map[string]struct {
		runs   []launchRun
		status Status
		value  float64
		n      int // pieces of evidence
	}{
		"no run": {nil, Pass, calculated, 1},
		"the latest of each scenario": {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{9e6}},
			{kind: harness.KindIPhone, peaks: []float64{70000}},
			{kind: harness.KindIPhone, scenario: "chat", peaks: []float64{80000}}}, Pass, 80000, 3},
		"too much":         {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{2e6}}}, Fail, 2e6, 2},
		"of another model": {[]launchRun{{kind: harness.KindIPhone, model: "h0", peaks: []float64{2e6}}}, Pass, calculated, 1},
		"a phone's, not a virtual one's": {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{70000}},
			{kind: harness.KindVirtual, scenario: "chat", peaks: []float64{2e6}}},
			Pass, 70000, 2},
		"a virtual one's death": {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{70000}},
			{kind: harness.KindVirtual, scenario: "chat", outcome: harness.OutcomeJetsam}},
			Pass, 70000, 2},
		"killed for it": {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{70000}, outcome: harness.OutcomeJetsam}}, Fail, 70000, 2},
		"crashed, for itself": {[]launchRun{{kind: harness.KindIPhone, peaks: []float64{70000}, outcome: harness.OutcomeAppCrash}},
			Pass, 70000, 2},
	} {
		t.Run(name, func(t *testing.T) {
			r := recordLaunches(t, c.runs)
			r.model.manifest, r.claims.Memory.Context = &m, 100
			r.memory = harness.DeviceProfile{Name: "p", ProductType: "iPhone15,4", LimitBytes: 1e6}
			g, err := r.memoryCheck(t.Context())
			require.NoError(t, err)
			require.Equal(t, c.status, g.Status, "%s (%s), evidence", g.Status, g.Reason)
			require.NotNil(t, g.Value, "%s (%s), evidence", g.Status, g.Reason)
			assert.InDelta(t, c.value, *g.Value, 0, "%s (%s), evidence", g.Status, g.Reason)
			assert.Len(t, g.Evidence, c.n, "%s (%s), evidence", g.Status, g.Reason)
		})
	}
}
