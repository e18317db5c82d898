package gate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
)

// Agreement is how far two builds generate the same tokens, each greedily, from the same prompt. A build that computes
// something else may well be faster.
type Agreement struct {
	Tokens int     // compared, of the longer text
	Same   float64 // share that is the same at the same place
	First  int     // place of the first token that differs, from 0; Tokens: there is none
}

// Agree compares two texts token by token. ok is false where there is nothing to compare.
func Agree(baseline, candidate []int32) (a Agreement, ok bool) {
	a.Tokens = max(len(baseline), len(candidate))
	if len(baseline) == 0 || len(candidate) == 0 {
		return a, false
	}
	a.First = a.Tokens
	same := 0
	for i := range a.Tokens {
		if i < len(baseline) && i < len(candidate) && baseline[i] == candidate[i] {
			same++
		} else if a.First == a.Tokens {
			a.First = i
		}
	}
	a.Same = float64(same) / float64(a.Tokens)
	return a, true
}

// JudgeAgreement makes a verdict of it. Output that differs is flagged: it fails only where a policy limits it, because builds
// that round otherwise may differ where two tokens are nearly as likely.
func JudgeAgreement(key string, a Agreement, limit *float64) Judged {
	whole := 1.0
	out := Judged{Verdict: harness.Verdict{Case: key, Metric: harness.GreedyMatch, Judgement: harness.Pass, Value: &a.Same,
		Limit: &whole}, Measured: 1}
	if limit != nil {
		out.Limit = limit
	}
	if a.Same == 1 {
		out.Reason = "both builds generate the same " + harness.Count(a.Tokens, "token")
		return out
	}
	out.Judgement = harness.Differs
	if limit != nil && a.Same < *limit {
		out.Judgement = harness.OverLimit
	}
	out.Reason = fmt.Sprintf("output differs: %.0f %% of %s are the same, the first that differs is number %d", 100*a.Same,
		harness.Count(a.Tokens, "token"), a.First+1)
	return out
}

// PlacementDifferences says what runs elsewhere in the candidate than in the baseline, function by function. Where an arm
// does not report its placement there is nothing to say.
func PlacementDifferences(baseline, candidate []harness.Placement) []string {
	if len(baseline) == 0 || len(candidate) == 0 {
		return nil
	}
	var out []string
	was, is := placed(baseline), placed(candidate)
	for _, function := range functionsOf(baseline, candidate) {
		moves := map[[2]string][]string{}
		for operation := range joined(was[function].named, is[function].named) {
			if from, to := was[function].unit(operation), is[function].unit(operation); from != to {
				moves[[2]string{from, to}] = append(moves[[2]string{from, to}], operation)
			}
		}
		if from, to := was[function].most, is[function].most; from != to {
			out = append(out, fmt.Sprintf("placement: most operations of %s run on the %s, not the %s", function, computeUnit(to),
				computeUnit(from)))
			continue
		}
		for move, operations := range moves {
			slices.Sort(operations)
			out = append(out, fmt.Sprintf("placement: %s of %s on the %s, not the %s: %s", harness.Count(len(operations), "operation"),
				function, computeUnit(move[1]), computeUnit(move[0]), some(operations)))
		}
	}
	slices.Sort(out)
	return out
}

// computeUnit names a compute unit for people.
func computeUnit(name string) string {
	switch name {
	case "neural_engine":
		return "Neural Engine"
	case "gpu":
		return "GPU"
	case "cpu":
		return "CPU"
	}
	return name
}

// functionPlacement is where one function's operations run: most on one unit, those that are named elsewhere.
type functionPlacement struct {
	most  string
	named map[string]string // unit by operation
}

func (p functionPlacement) unit(operation string) string {
	if unit, ok := p.named[operation]; ok {
		return unit
	}
	return p.most
}

func placed(all []harness.Placement) map[string]functionPlacement {
	out := map[string]functionPlacement{}
	for _, p := range all {
		f := out[p.Function]
		if f.named == nil {
			f.named = map[string]string{}
		}
		if len(p.Operations) == 0 {
			f.most = p.Unit
		}
		for _, operation := range p.Operations {
			f.named[operation] = p.Unit
		}
		out[p.Function] = f
	}
	return out
}

func functionsOf(arms ...[]harness.Placement) []string {
	var out []string
	for _, arm := range arms {
		for _, p := range arm {
			out = append(out, p.Function)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func joined(a, b map[string]string) map[string]bool {
	out := map[string]bool{}
	for name := range a {
		out[name] = true
	}
	for name := range b {
		out[name] = true
	}
	return out
}

// some names the first few.
func some(names []string) string {
	const most = 4
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and more"
}
