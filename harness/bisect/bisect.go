package bisect

import (
	"context"
	"fmt"

	"github.com/lilims/bench/harness"
)

// Comparison is what comparing a build with the good one has yielded.
type Comparison struct {
	Verdict *harness.Verdict // nil: no session has a reading of the metric
	Runs    []string         // whose pairs were judged
	Reused  bool             // all of them were recorded before: nothing had to be measured
}

// Compare compares two builds, named by their paths, in one metric of one case, and calls a loss above the threshold a
// regression; 0 is the rule's own threshold. An error ends the search.
type Compare func(ctx context.Context, baseline, candidate string, threshold float64) (Comparison, error)

// Events tell where a search stands.
type Events interface {
	Begun(revisions int, good Revision)      // the good revision is built
	Limited(threshold float64, bad Revision) // the threshold was set to half of what the bad revision has lost
	Left(steps int)                          // about so many comparisons are still to be made
	Answered(of Revision, step Step)         // a revision has its answer
}

// Bisection is one search.
type Bisection struct {
	Good, Bad string // names of revisions
	Metric    harness.Metric
	Threshold float64 // relative loss from which on a revision is bad; 0: half of what the bad one has lost
	Builder   Builder
	Compare   Compare
	Events    Events

	good      string // its build
	revisions []Revision
	search    *Search
	result    Result
}

// Step is one revision with its answer and what led to it.
type Step struct {
	Revision string    `json:"revision"`
	Subject  string    `json:"subject"`
	Answer   Answer    `json:"answer"`
	Reason   string    `json:"reason,omitempty"`
	Estimate *float64  `json:"estimate,omitempty"` // loss against the good revision, relative, positive worse
	Interval []float64 `json:"interval,omitempty"`
	Pairs    int       `json:"pairs"`
	Runs     []string  `json:"runs"`
	Reused   bool      `json:"reused,omitempty"` // nothing had to be measured
}

// Result is what a search has found.
type Result struct {
	Metric    harness.Metric
	Threshold float64
	Suspects  []Revision // the first bad revision; several where those but the last could not be judged
	Steps     []Step     // in the order in which they were made
}

// Run searches. The bad revision is compared first: where it is not shown to be worse, there is nothing to find, which is
// an error of kind incomparable.
func (b *Bisection) Run(ctx context.Context) (Result, error) {
	if err := b.begin(ctx); err != nil {
		return Result{}, err
	}
	last := len(b.revisions) - 1
	whole, err := b.ask(ctx, last)
	if err != nil {
		return Result{}, err
	}
	if whole.Answer != Bad {
		return Result{}, b.nothingToFind(whole)
	}
	if b.Threshold == 0 {
		b.Threshold = *whole.Estimate / 2
		b.Events.Limited(b.Threshold, b.revisions[last])
	}
	for {
		at, ok := b.search.Next()
		if !ok {
			return b.conclude(), nil
		}
		b.Events.Left(b.search.Left())
		step, err := b.ask(ctx, at)
		if err != nil {
			return Result{}, err
		}
		b.search.Tell(at, step.Answer)
	}
}

// begin finds the revisions and builds the good one, before anything is measured.
func (b *Bisection) begin(ctx context.Context) error {
	good, err := b.Builder.Repository.Named(ctx, b.Good)
	if err != nil {
		return err
	}
	bad, err := b.Builder.Repository.Named(ctx, b.Bad)
	if err != nil {
		return err
	}
	if b.revisions, err = b.Builder.Repository.Between(ctx, good, bad); err != nil {
		return err
	}
	if b.search, err = New(len(b.revisions)); err != nil {
		return err
	}
	if b.good, err = b.Builder.Build(ctx, good, harness.ArmBaseline); err != nil {
		return &harness.Error{Kind: harness.KindBuild, Op: "build " + good.String(), Err: err,
			Hint: "Try the command in a work tree of that revision."}
	}
	b.Events.Begun(len(b.revisions), good)
	return nil
}

// ask builds a revision and compares it with the good one. A build that fails skips the revision; what stops the whole
// search, a device that is gone or an interrupt, is an error.
func (b *Bisection) ask(ctx context.Context, at int) (Step, error) {
	of := b.revisions[at]
	step := Step{Revision: of.Hash, Subject: of.Subject, Answer: Skipped}
	candidate, err := b.Builder.Build(ctx, of, harness.ArmCandidate)
	if ctx.Err() != nil {
		return step, ctx.Err()
	}
	if err != nil {
		step.Reason = err.Error()
	} else {
		compared, err := b.Compare(ctx, b.good, candidate, b.Threshold)
		if err != nil {
			return step, err
		}
		step.take(compared, b.Metric.Label)
	}
	b.Events.Answered(of, step)
	b.result.Steps = append(b.result.Steps, step)
	return step, nil
}

// take turns a comparison into an answer.
func (s *Step) take(c Comparison, metric string) {
	s.Runs, s.Reused = c.Runs, c.Reused
	if c.Verdict == nil {
		s.Reason = "no session has a reading of " + metric
		return
	}
	v := c.Verdict
	s.Estimate, s.Pairs, s.Reason = v.Estimate, v.Pairs, v.Reason
	if v.Low != nil {
		s.Interval = []float64{*v.Low, *v.High}
	}
	switch v.Judgement {
	case harness.Regression:
		s.Answer = Bad
	case harness.Pass, harness.Improvement, harness.NearThreshold:
		s.Answer = Good
	default:
		s.Answer = Skipped
		if s.Reason == "" {
			s.Reason = "its pairs are inconclusive"
		}
	}
}

// Text is the answer in one line; m is the metric of the search.
func (s Step) Text(m harness.Metric) string {
	out := string(s.Answer)
	if s.Estimate != nil {
		out += fmt.Sprintf(", %s after %s", m.ChangeText(*s.Estimate), harness.Count(s.Pairs, "pair"))
	}
	if s.Reused {
		out += ", as recorded before"
	}
	if s.Reason != "" {
		out += ": " + harness.PrintableLine(s.Reason)
	}
	return out
}

func (b *Bisection) nothingToFind(whole Step) error {
	return &harness.Error{Kind: harness.KindIncomparable, Op: "bisect",
		Err:  fmt.Errorf("%s is not shown to be worse than the good one: %s", b.revisions[len(b.revisions)-1], whole.Text(b.Metric)),
		Hint: "Look at the run's report; a smaller loss is searched for with --threshold, more pairs are made with --max-pairs."}
}

func (b *Bisection) conclude() Result {
	first, last := b.search.Suspects()
	b.result.Metric, b.result.Threshold = b.Metric, b.Threshold
	b.result.Suspects = b.revisions[first : last+1]
	return b.result
}
