package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/runners/simulated"
)

// shelf is a store of cold references in memory.
type shelf struct {
	kept []harness.Reference
	fail error
}

var _ engine.References = (*shelf)(nil)

func (s *shelf) Reference(_ context.Context, key harness.ReferenceKey) (harness.Reference, bool, error) {
	for i := len(s.kept) - 1; i >= 0; i-- {
		if s.kept[i].Key == key {
			return s.kept[i], true, s.fail
		}
	}
	return harness.Reference{}, false, s.fail
}

func (s *shelf) KeepReference(_ context.Context, r harness.Reference) error {
	s.kept = append(s.kept, r)
	return s.fail
}

// probing is a lab whose policy wants probes.
func probing(t *testing.T, scenario harness.Scenario, model harness.Model, o simulated.Options) (*lab, *shelf) {
	l := newLab(t, scenario, model, o)
	s := &shelf{}
	l.eng.References, l.eng.Policy.ProbeTolerance = s, 0.02
	return l, s
}

func withinText(list []string, want string) int {
	n := 0
	for _, text := range list {
		if strings.Contains(text, want) {
			n++
		}
	}
	return n
}

func TestFirstProbeBecomesTheReference(t *testing.T) {
	scenario := quick
	scenario.Sessions = 4
	l, s := probing(t, scenario, small, simulated.Options{})
	require.Equal(t, "ok ok ok ok", outcomes(l.mustRun()))
	require.Len(t, s.kept, 1, "references kept")
	got := s.kept[0]
	require.Equal(t, "r1", got.Run, "reference")
	require.Equal(t, "s001-candidate", got.Session, "reference")
	require.Equal(t, "aa11", got.Key.ModelHash, "reference")
	require.Equal(t, "c0", got.Key.BuildHash, "reference")
	require.NotEmpty(t, got.Key.UDID, "reference")
	require.NotNil(t, got.State.Thermal, "reference")
	assert.Equal(t, harness.ThermalNominal, *got.State.Thermal, "reference")
	assert.GreaterOrEqual(t, got.TokS, 100.0, "reference")
	notices := l.rec.notices("probe")
	for want, times := range map[string]int{
		"first launch after the install": 1, "is this device's cold reference from now on": 1, "% of this device's cold reference of": 2,
	} {
		assert.Equal(t, times, withinText(notices, want), "%d notices say %q, want %d: %q", withinText(notices, want), want, times, notices)
	}
	waits := l.rec.notices("wait")
	require.Len(t, waits, 2)
	require.Contains(t, waits[0], "a second probe is to confirm", "waits")
	assert.True(t, strings.HasPrefix(waits[1], "waited "), "waits")
	for i, id := range []string{"s000-candidate", "s001-candidate", "s002-candidate", "s003-candidate"} {
		got := len(l.rec.samples(id, harness.ProbeTokS))
		assert.Equal(t, []int{0, 2, 1, 1}[i], got, "%s: %d probes are recorded", id, got)
		if id != "s000-candidate" {
			assert.Len(t, l.rec.samples(id, harness.TTFTCold), 1, "%s: the probe took the session's first request", id)
		}
	}
	assert.Len(t, l.rec.samples("s000-candidate", harness.LoadFirstEver), 1, "the first load after the install was not the session's")
	for _, e := range l.rec.entries {
		require.NotContains(t, e.Session, "probe", "a probe is recorded as a session")
	}
}

// TestHotChipIsFoundByProbe: the case is cool, so the state says nominal; the chip inside is not. Without a probe the
// session would start throttled.
func TestHotChipIsFoundByProbe(t *testing.T) {
	scenario := soak()
	scenario.Duration, scenario.IdleBefore, scenario.Sessions, scenario.GenerateTokens = 40*time.Second, 0, 3, 16
	firstRate := func(l *lab, id string) float64 { return l.rec.samples(id, harness.DecodeTokS)[0].Value }

	blind := newLab(t, scenario, large, simulated.Options{})
	blind.mustRun()
	l, s := probing(t, scenario, large, simulated.Options{})
	l.mustRun()
	cold := firstRate(l, "s000-candidate")
	lost := 1 - firstRate(blind, "s002-candidate")/cold
	require.GreaterOrEqual(t, lost, 0.15,
		"without probes the third session starts only %.1f %% slower than a cold one: nothing to find", 100*lost)
	for _, id := range []string{"s001-candidate", "s002-candidate"} {
		lost := 1 - firstRate(l, id)/cold
		assert.LessOrEqual(t, lost, 0.07, "%s starts %.1f %% slower than a cold session in spite of its probe", id, 100*lost)
	}
	require.Len(t, s.kept, 1, "references")
	assert.NotEqual(t, 0, withinText(l.rec.notices("probe"), "the device was still warm"), "references")
	require.NotEqual(t, 0, withinText(l.rec.notices("probe"), "below this device's cold reference"), "probes")
	assert.Equal(t, 2, withinText(l.rec.notices("wait"), "waiting: "), "probes")
}

func TestProbeThatStaysSlowRefuses(t *testing.T) {
	l, s := probing(t, quick, small, simulated.Options{})
	l.mustRun()
	lucky := s.kept[0]
	lucky.TokS *= 1.1
	again, shelf2 := probing(t, quick, small, simulated.Options{})
	shelf2.kept = []harness.Reference{lucky}
	again.eng.Policy.CoolDownLimit = 2 * time.Minute
	r, err := again.eng.Run(context.Background(), again.run)
	assert.False(t, outcomes(r) != "ok refused" || harness.KindOf(err) != harness.KindDevice || !strings.Contains(
		harness.HintOf(err), "--renew-reference",
	) ||
		!strings.Contains(r.Ended[1].Reason, "unchanged after 2m"), "Run() = %v with hint %q, ended %+v", err, harness.HintOf(err), r.Ended)
	renewed, shelf3 := probing(t, quick, small, simulated.Options{})
	shelf3.kept, renewed.eng.RenewReferences = []harness.Reference{lucky}, true
	r = renewed.mustRun()
	require.Equal(t, "ok ok", outcomes(r), "renewed: %s, references %+v", outcomes(r), shelf3.kept)
	require.Len(t, shelf3.kept, 2, "renewed: %s, references %+v", outcomes(r), shelf3.kept)
	assert.LessOrEqual(t, shelf3.kept[1].TokS, lucky.TokS*0.95, "renewed: %s, references %+v", outcomes(r), shelf3.kept)
}

func TestProbesAreNotAlwaysWanted(t *testing.T) {
	warm := quick
	warm.StartThermal = harness.ThermalFair
	for name, change := range map[string]func(*lab){
		"no rule":                    func(l *lab) { l.eng.Policy.ProbeTolerance = 0 },
		"nowhere to keep references": func(l *lab) { l.eng.References = nil },
	} {
		l, _ := probing(t, quick, small, simulated.Options{})
		change(l)
		l.mustRun()
		assert.Empty(t, l.rec.notices("probe"), "%s: probes", name)
	}
	l, _ := probing(t, warm, small, simulated.Options{})
	l.mustRun()
	assert.Empty(t, l.rec.notices("probe"), "a scenario that may start warm: probes")
}

func TestProbeTroubleIsTold(t *testing.T) {
	l, s := probing(t, quick, small, simulated.Options{})
	l.eng.Env["LILIMS_FAULT"] = "oom@token:100" // strikes in the probe, not in a session of 96 tokens
	r := l.mustRun()
	require.Equal(t, "ok ok", outcomes(r),
		"a probe that ends in an error: %s, references %+v, probes %q", outcomes(r), s.kept, l.rec.notices("probe"))
	require.Empty(t, s.kept, "a probe that ends in an error: %s, references %+v, probes %q", outcomes(r), s.kept, l.rec.notices("probe"))
	assert.Equal(t, 1, withinText(l.rec.notices("probe"), "no speed from the probe: it ended app_crash after"),
		"a probe that ends in an error: %s, references %+v, probes %q", outcomes(r), s.kept, l.rec.notices("probe"))
	l, s = probing(t, quick, small, simulated.Options{})
	s.fail = errors.New("disk full")
	_, err := l.eng.Run(context.Background(), l.run)
	assert.Equal(t, harness.KindStorage, harness.KindOf(err), "references that cannot be read")
}
