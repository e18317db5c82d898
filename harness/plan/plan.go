// Package plan makes the ordered list of sessions from a selection and a seed. A catalogue, devices, models and builds
// come in; a [harness.Plan] goes out, or every problem at once. It is pure: the same selection and seed give the same
// plan, on every machine. It must never touch a device or read a file.
package plan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"sort"
	"strings"

	"github.com/lilims/bench/harness"
)

// Selection is what a person asked for.
type Selection struct {
	Devices   []harness.Device
	Models    []harness.Model
	Scenarios []string        // names or patterns ("prompt-*") of the catalogue's scenarios
	Builds    []harness.Build // one for each arm: a candidate, and a baseline to compare it with
	Sessions  int             // launches per case and arm; 0: as the scenario says
	Seed      uint64
}

// Build makes the plan. Sessions of one case come in pairs, one launch of each arm next to each other, and the arm that
// goes first alternates from pair to pair, so that heat and drift fall on both (AB, BA, AB, …). Which arm begins is
// drawn from the seed for every case, and so is the order of cases in every round. All of a device's first pairs come
// before its second pairs: a night that is cut short has measured every case.
func Build(catalog harness.Catalog, sel Selection) (harness.Plan, error) {
	problems := check(sel)
	scenarios, more := scenarios(catalog, sel.Scenarios)
	problems = append(problems, more...)
	cases, more := cases(sel, scenarios)
	problems = append(problems, more...)
	if len(problems) > 0 {
		return harness.Plan{}, refuse(problems)
	}
	p := harness.Plan{Seed: sel.Seed, Builds: arms(sel.Builds), Cases: cases}
	for _, d := range sel.Devices {
		p.Sessions = append(p.Sessions, deviceSessions(p, d.UDID, sel.Sessions)...)
	}
	number(&p)
	markCold(&p)
	return p, nil
}

func refuse(problems []string) error {
	errs := make([]error, len(problems))
	for i, text := range problems {
		errs[i] = errors.New(text)
	}
	return &harness.Error{
		Kind: harness.KindUsage, Op: "plan the run", Err: errors.Join(errs...),
		Hint: "Correct the selection; `bench plan` shows a plan without running it.",
	}
}

// arms orders builds candidate first, so that plans do not depend on the order of flags.
func arms(builds []harness.Build) []harness.Build {
	out := append([]harness.Build(nil), builds...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Arm > out[j].Arm })
	return out
}

func check(sel Selection) []string {
	var out []string
	if len(sel.Devices) == 0 {
		out = append(out, "no device is selected")
	}
	if len(sel.Models) == 0 {
		out = append(out, "no model is selected")
	}
	if sel.Sessions < 0 {
		out = append(out, fmt.Sprintf("%d sessions are asked for", sel.Sessions))
	}
	seen := map[string]bool{}
	for _, d := range sel.Devices {
		if seen[d.UDID] {
			out = append(out, fmt.Sprintf("device %s (%s) is selected twice", d.Name, d.UDID))
		}
		seen[d.UDID] = true
	}
	names := map[string]bool{}
	for _, m := range sel.Models {
		if names[m.Name] {
			out = append(out, fmt.Sprintf("model %s is selected twice", m.Name))
		}
		names[m.Name] = true
	}
	return append(out, checkBuilds(sel.Builds)...)
}

func checkBuilds(builds []harness.Build) []string {
	var out []string
	arms := map[harness.Arm]harness.Build{}
	for _, b := range builds {
		if b.Arm != harness.ArmCandidate && b.Arm != harness.ArmBaseline {
			out = append(out, fmt.Sprintf("build %s has the unknown arm %q", b.Path, b.Arm))
		}
		if _, twice := arms[b.Arm]; twice {
			out = append(out, fmt.Sprintf("two builds are given as %s", b.Arm))
		}
		arms[b.Arm] = b
	}
	if _, ok := arms[harness.ArmCandidate]; !ok {
		out = append(out, "no candidate build is given")
	}
	return out
}

// scenarios resolves names and patterns, in the order in which they are given, each scenario once.
func scenarios(catalog harness.Catalog, wanted []string) ([]harness.Scenario, []string) {
	if len(wanted) == 0 {
		return nil, []string{"no scenario is selected"}
	}
	names := make([]string, 0, len(catalog.Scenarios))
	for name := range catalog.Scenarios {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return natural(names[i], names[j]) })
	var out []harness.Scenario
	var problems []string
	taken := map[string]bool{}
	for _, pattern := range wanted {
		found := false
		for _, name := range names {
			ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name))
			if err != nil {
				problems = append(problems, fmt.Sprintf("%q is not a pattern", pattern))
				found = true
				break
			}
			found = found || ok
			if ok && !taken[name] {
				taken[name] = true
				out = append(out, catalog.Scenarios[name])
			}
		}
		if !found {
			problems = append(problems, noScenario(pattern, names))
		}
	}
	return out, problems
}

// noScenario offers the near name, or lists all where none is near. A pattern means no single name.
func noScenario(pattern string, names []string) string {
	if near := harness.Near(pattern, names); near != "" && !strings.ContainsAny(pattern, `*?[\`) {
		return fmt.Sprintf("no scenario is called %q; did you mean %q?", pattern, near)
	}
	return fmt.Sprintf("no scenario is called %q (there are %s)", pattern, strings.Join(names, ", "))
}

// natural orders prompt-16 before prompt-128.
func natural(a, b string) bool {
	x, y := strings.TrimRight(a, "0123456789"), strings.TrimRight(b, "0123456789")
	if x == y && len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// cases crosses devices, models and scenarios. A sweep's member that a model's context cannot hold is left out as long
// as another member stays; a model for which nothing stays is a problem.
func cases(sel Selection, scenarios []harness.Scenario) ([]harness.Case, []string) {
	var out []harness.Case
	var problems []string
	for _, m := range sel.Models {
		fitting := 0
		for _, s := range scenarios {
			if Fits(m, s) {
				fitting++
			}
		}
		if fitting == 0 && len(scenarios) > 0 {
			problems = append(problems, fmt.Sprintf("model %s has a context of %d tokens: none of the selected scenarios fits", m.Name, m.Context))
		}
	}
	for _, d := range sel.Devices {
		for _, m := range sel.Models {
			for _, s := range scenarios {
				if Fits(m, s) {
					out = append(out, harness.Case{Device: d, Model: m, Scenario: s})
				}
			}
		}
	}
	return out, problems
}

// Fits reports whether a model's context holds a scenario's cache, prompt and answer. An unknown context holds all.
func Fits(m harness.Model, s harness.Scenario) bool {
	return m.Context == 0 || s.KVDepth+s.PromptTokens+s.GenerateTokens <= m.Context
}

// source is the seed's stream of numbers for one device, so that adding a device does not change another's order.
func source(seed uint64, udid string) *rand.Rand {
	stream := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(udid) {
		stream = (stream ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, stream))
}

func deviceSessions(p harness.Plan, udid string, override int) []harness.PlannedSession {
	random := source(p.Seed, udid)
	var mine, first []int // the device's cases; which build begins
	rounds := map[int]int{}
	most := 0
	for i, c := range p.Cases {
		if c.Device.UDID != udid {
			continue
		}
		mine = append(mine, i)
		first = append(first, random.IntN(len(p.Builds)))
		rounds[i] = c.Scenario.Sessions
		if override > 0 {
			rounds[i] = override
		}
		most = max(most, rounds[i])
	}
	var out []harness.PlannedSession
	for pair := range most {
		for _, k := range random.Perm(len(mine)) {
			if pair >= rounds[mine[k]] {
				continue
			}
			for j := range p.Builds {
				build := p.Builds[(first[k]+pair+j)%len(p.Builds)]
				out = append(out, harness.PlannedSession{Case: mine[k], Arm: build.Arm, Pair: pair})
			}
		}
	}
	return out
}

func number(p *harness.Plan) {
	for i := range p.Sessions {
		p.Sessions[i].Ordinal = i
		p.Sessions[i].ID = fmt.Sprintf("s%03d-%s", i, p.Sessions[i].Arm)
	}
}

// markCold marks the launches that follow an install in this plan: the first of a build and model on a device, and one
// whose build replaces another under the same bundle identifier.
func markCold(p *harness.Plan) {
	type place struct{ udid, bundle string }
	type copied struct {
		place
		model string
	}
	installed, pushed := map[place]string{}, map[copied]bool{}
	builds := map[harness.Arm]harness.Build{}
	for _, b := range p.Builds {
		builds[b.Arm] = b
	}
	for i := range p.Sessions {
		c, b := p.Cases[p.Sessions[i].Case], builds[p.Sessions[i].Arm]
		at := place{c.Device.UDID, b.BundleID}
		identity := b.Hash + "\x00" + b.Path
		was, present := installed[at]
		model := copied{at, c.Model.Hash + "\x00" + c.Model.Name}
		p.Sessions[i].ColdFrom = !present || was != identity || !pushed[model]
		installed[at], pushed[model] = identity, true
	}
}
