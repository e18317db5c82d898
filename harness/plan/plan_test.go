package plan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func catalog() harness.Catalog {
	c := harness.Catalog{Scenarios: map[string]harness.Scenario{}}
	for _, s := range []harness.Scenario{
		{Name: "quick", PromptTokens: 8, GenerateTokens: 32, Sessions: 1},
		{Name: "chat", PromptTokens: 64, GenerateTokens: 64, Sessions: 5},
		{Name: "prompt-16", PromptTokens: 16, GenerateTokens: 16, Sessions: 4},
		{Name: "prompt-128", PromptTokens: 128, GenerateTokens: 16, Sessions: 4},
		{Name: "prompt-8192", PromptTokens: 8192, GenerateTokens: 16, Sessions: 4},
	} {
		c.Scenarios[s.Name] = s
	}
	return c
}

var (
	candidate = harness.Build{Arm: harness.ArmCandidate, BundleID: "b.candidate", Hash: "c0"}
	baseline  = harness.Build{Arm: harness.ArmBaseline, BundleID: "b.baseline", Hash: "b0"}
)

func selection(devices int, builds ...harness.Build) Selection {
	sel := Selection{Scenarios: []string{"chat", "prompt-*"}, Builds: builds, Seed: 7,
		Models: []harness.Model{{Name: "m", Hash: "h", Context: 512}, {Name: "n", Hash: "i", Context: 512}}}
	for i := range devices {
		sel.Devices = append(sel.Devices, harness.Device{
			UDID: fmt.Sprintf("u%d", i), Name: fmt.Sprintf("phone %d", i), ProductType: "iPhone15,4",
		})
	}
	return sel
}

func TestBuildProperties(t *testing.T) {
	for trial := range 200 {
		random := rand.New(rand.NewPCG(uint64(trial), 1))
		sel := selection(1+random.IntN(3), candidate, baseline)
		sel.Seed, sel.Sessions = random.Uint64(), random.IntN(7)
		if random.IntN(3) == 0 {
			sel.Builds = sel.Builds[:1]
		}
		p, err := Build(catalog(), sel)
		require.NoError(t, err)
		again, _ := Build(catalog(), sel)
		require.Equal(t, again, p, "seed %d: two plans of one selection differ", sel.Seed)
		checkPlan(t, p, sel)
	}
}

// checkPlan: the sessions are each case x arm x pair exactly once; the arms of a pair stand next to each other, and
// which goes first alternates; pairs of a case come in order; ids are unique.
func checkPlan(t *testing.T, p harness.Plan, sel Selection) {
	t.Helper()
	type unit struct {
		c, pair int
		arm     harness.Arm
	}
	seen, ids := map[unit]bool{}, map[string]bool{}
	first := map[int]map[int]harness.Arm{}
	for i, s := range p.Sessions {
		require.Equal(t, i, s.Ordinal, "session %d has ordinal %d and id %s", i, s.Ordinal, s.ID)
		require.False(t, ids[s.ID], "session %d has ordinal %d and id %s", i, s.Ordinal, s.ID)
		ids[s.ID] = true
		u := unit{s.Case, s.Pair, s.Arm}
		require.False(t, seen[u], "%+v comes twice", u)
		seen[u] = true
		if first[s.Case] == nil {
			first[s.Case] = map[int]harness.Arm{}
		}
		if _, ok := first[s.Case][s.Pair]; !ok {
			if s.Pair > 0 {
				require.NotEmpty(t, first[s.Case][s.Pair-1], "case %d: pair %d before pair %d", s.Case, s.Pair, s.Pair-1)
			}
			first[s.Case][s.Pair] = s.Arm
			if len(p.Builds) == 2 {
				next := p.Sessions[i+1]
				require.Equal(t, s.Case, next.Case, "session %s is not followed by the other arm of its pair", s.ID)
				require.Equal(t, s.Pair, next.Pair, "session %s is not followed by the other arm of its pair", s.ID)
			}
		}
	}
	total := 0
	for i, c := range p.Cases {
		n := c.Scenario.Sessions
		if sel.Sessions > 0 {
			n = sel.Sessions
		}
		total += n * len(p.Builds)
		for pair := 1; pair < n && len(p.Builds) == 2; pair++ {
			assert.NotEqual(t, first[i][pair-1], first[i][pair], "case %d: %s goes first in pairs %d and %d", i, first[i][pair], pair-1, pair)
		}
	}
	assert.Len(t, seen, total, "sessions")
	assert.Len(t, p.Sessions, total)
}

func TestBuildDrawsWhoGoesFirst(t *testing.T) {
	firsts := map[harness.Arm]int{}
	for seed := range uint64(100) {
		sel := selection(1, baseline, candidate)
		sel.Seed, sel.Scenarios = seed, []string{"quick"}
		p, err := Build(catalog(), sel)
		require.NoError(t, err)
		firsts[p.Sessions[0].Arm]++
	}
	assert.GreaterOrEqual(t, firsts[harness.ArmCandidate], 30, "who goes first over 100 seeds")
	assert.GreaterOrEqual(t, firsts[harness.ArmBaseline], 30, "who goes first over 100 seeds")
}

func TestBuildAddingADeviceKeepsTheOthersOrder(t *testing.T) {
	order := func(devices int) string {
		p, err := Build(catalog(), selection(devices, candidate, baseline))
		require.NoError(t, err)
		var out []string
		for _, s := range p.Sessions {
			if c := p.Cases[s.Case]; c.Device.UDID == "u0" {
				out = append(out, c.Key()+string(s.Arm))
			}
		}
		return strings.Join(out, " ")
	}
	assert.Equal(t, order(3), order(1), "order on the first phone alone\n%s\nwith two more\n%s", order(1), order(3))
}

func TestBuildLeavesOutWhatTheContextCannotHold(t *testing.T) {
	p, err := Build(catalog(), selection(1, candidate))
	require.NoError(t, err)
	for _, c := range p.Cases {
		assert.NotEqual(t, "prompt-8192", c.Scenario.Name, "a prompt of 8192 tokens for a context of 512")
	}
	require.Equal(t, "prompt-16", p.Cases[1].Scenario.Name, "a sweep comes in the order")
	assert.Equal(t, "prompt-128", p.Cases[2].Scenario.Name, "a sweep comes in the order")
}

func TestMarkCold(t *testing.T) {
	cold := func(builds ...harness.Build) string {
		sel := selection(1, builds...)
		sel.Scenarios, sel.Models, sel.Sessions = []string{"chat"}, sel.Models[:1], 3
		p, err := Build(catalog(), sel)
		require.NoError(t, err)
		var out strings.Builder
		for _, s := range p.Sessions {
			if s.ColdFrom {
				out.WriteString("c")
			} else {
				out.WriteString(".")
			}
		}
		return out.String()
	}
	same := baseline
	same.BundleID = candidate.BundleID
	for name, tc := range map[string]struct{ got, want string }{
		"one build":                {cold(candidate), "c.."},
		"two bundles side by side": {cold(candidate, baseline), "cc...."},
		"one bundle, replaced":     {cold(candidate, same), "cc.c.c"}, // AB BA AB: the arm that stays is not installed anew
	} {
		assert.Equal(t, tc.want, tc.got, "%s: cold launches", name)
	}
}

func TestBuildReportsEveryProblem(t *testing.T) {
	other := candidate
	other.Arm = "treatment"
	_, err := Build(catalog(), Selection{
		Devices:   []harness.Device{{UDID: "u", Name: "a"}, {UDID: "u", Name: "a"}},
		Models:    []harness.Model{{Name: "tiny", Context: 16}},
		Scenarios: []string{"quick", "quik", "[", "prompt-9*"},
		Builds:    []harness.Build{other, baseline, baseline},
		Sessions:  -1,
	})
	require.Equal(t, harness.KindUsage, harness.KindOf(err), "Build()")
	for _, want := range []string{
		"device a (u) is selected twice", "-1 sessions", `unknown arm "treatment"`, "two builds are given as baseline",
		"no candidate build", `no scenario is called "quik"; did you mean "quick"?`, `"[" is not a pattern`,
		`no scenario is called "prompt-9*" (there are chat, prompt-16, prompt-128, prompt-8192, quick)`, "model tiny has a context of 16 tokens",
	} {
		require.ErrorContains(t, err, want, "Build()")
	}
	_, err = Build(catalog(), Selection{})
	for _, want := range []string{"no device", "no model", "no scenario", "no candidate build"} {
		require.ErrorContains(t, err, want, "empty selection")
	}
}
