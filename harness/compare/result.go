package compare

import (
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Result is what verdicts mean to whoever waits for a gate, from the best to the worst.
type Result int

const (
	Passed    Result = iota
	Undecided        // could not be judged, or not yet: neither green nor red
	Failed           // worse than the policy allows
)

// ResultOf is what one judgement means.
func ResultOf(j harness.Judgement) Result {
	switch j {
	case harness.Regression, harness.OverLimit:
		return Failed
	case harness.Inconclusive, harness.Incomparable, harness.NoBaseline, harness.Missing:
		return Undecided
	}
	return Passed
}

// Worst is the worst result of verdicts: one that failed outweighs any number that could not be decided. No verdict at all
// is Passed.
func Worst(verdicts []gate.Judged) Result {
	worst := Passed
	for _, v := range verdicts {
		worst = max(worst, ResultOf(v.Judgement))
	}
	return worst
}
