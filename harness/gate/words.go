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
	First  int     // place of the first other token, from 0; Tokens: there is none
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

// JudgeAgreement makes a verdict of it. Other words are flagged: they fail only where a policy limits them, because builds
// that round otherwise may differ where two tokens are nearly as likely.
func JudgeAgreement(key string, a Agreement, limit *float64) Judged {
	whole := 1.0
	out := Judged{Verdict: harness.Verdict{Case: key, Metric: harness.GreedyMatch, Judgement: harness.Pass, Value: &a.Same, Limit: &whole}, Measured: 1}
	if limit != nil {
		out.Limit = limit
	}
	if a.Same == 1 {
		out.Reason = fmt.Sprintf("both builds generate the same %d tokens", a.Tokens)
		return out
	}
	out.Judgement = harness.Differs
	if limit != nil && a.Same < *limit {
		out.Judgement = harness.OverLimit
	}
	out.Reason = fmt.Sprintf("the candidate says other words: of %d tokens %.0f %% are the same, number %d is the first other one", a.Tokens, 100*a.Same, a.First+1)
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
			out = append(out, fmt.Sprintf("placement: most operations of %s run on the %s, not the %s", function, to, from))
			continue
		}
		for move, operations := range moves {
			slices.Sort(operations)
			out = append(out, fmt.Sprintf("placement: %d operations of %s run on the %s, not the %s: %s", len(operations), function, move[1], move[0], some(operations)))
		}
	}
	slices.Sort(out)
	return out
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
