package compare

import (
	"context"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/gate"
)

// output compares what the two arms of a case do apart from their speed: whether they generate the same tokens, and run
// on the same compute units. One launch of each arm tells: greedy generation and placement do not vary from launch to launch.
type output struct {
	recordings Recordings
	limit      *float64 // least share of equal tokens that the policy allows; nil: a difference is only flagged
}

// judge adds a verdict on the generated tokens where a case is generated greedily, and to every verdict of the case what is
// placed elsewhere.
func (o output) judge(ctx context.Context, verdicts []gate.Judged, baseline, candidate cases) ([]gate.Judged, error) {
	for _, key := range candidate.keys {
		b, c, ok := counterparts(baseline.of[key], candidate.of[key])
		if !ok {
			continue
		}
		moved, err := o.moved(ctx, b, c)
		if err != nil {
			return nil, err
		}
		for i := range verdicts {
			if verdicts[i].Case == key {
				verdicts[i].Warnings = append(verdicts[i].Warnings, moved...)
			}
		}
		agreement, ok, err := o.agree(ctx, b, c)
		if err != nil {
			return nil, err
		}
		if ok {
			verdicts = append(verdicts, gate.JudgeAgreement(key, agreement, o.limit))
		}
	}
	return verdicts, nil
}

// counterparts are a launch of each arm on the same device, with the same model, whose builds differ.
func counterparts(baseline, candidate []harness.SessionSeries) (b, c harness.SessionSeries, ok bool) {
	for _, c := range candidate {
		i := slices.IndexFunc(baseline, func(b harness.SessionSeries) bool {
			return b.Begin.Fingerprint == c.Begin.Fingerprint && b.Begin.Build.Hash != c.Begin.Build.Hash &&
				b.Begin.Fingerprint.Kind != harness.KindImported
		})
		if i >= 0 {
			return baseline[i], c, true
		}
	}
	return b, c, false
}

func (o output) moved(ctx context.Context, b, c harness.SessionSeries) ([]string, error) {
	before, err := o.recordings.Lines(ctx, b.Run, b.Begin.ID)
	if err != nil {
		return nil, err
	}
	after, err := o.recordings.Lines(ctx, c.Run, c.Begin.ID)
	return gate.PlacementDifferences(derive.Placements(before), derive.Placements(after)), err
}

// agree compares the first measured iterations of both launches. Sampled text says nothing.
func (o output) agree(ctx context.Context, b, c harness.SessionSeries) (a gate.Agreement, ok bool, err error) {
	if c.Begin.Case.Scenario.Temperature != 0 {
		return a, false, nil
	}
	before, err := o.firstTokens(ctx, b)
	if err != nil {
		return a, false, err
	}
	after, err := o.firstTokens(ctx, c)
	if err != nil {
		return a, false, err
	}
	a, ok = gate.Agree(before, after)
	return a, ok, nil
}

func (o output) firstTokens(ctx context.Context, s harness.SessionSeries) ([]int32, error) {
	iterations, err := o.recordings.Iterations(ctx, s.Run, s.Begin.ID)
	if err != nil {
		return nil, err
	}
	for _, it := range iterations {
		if it.Outcome == harness.OutcomeOK && !it.Warmup {
			return it.TokenIDs, nil
		}
	}
	return nil, nil
}
