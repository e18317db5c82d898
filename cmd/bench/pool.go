package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// mostNights is how many nights' pairs are pooled before a person has to decide.
const mostNights = 2

// pooling goes on from the pairs of a night in which the same two builds were left undecided.
type pooling struct {
	on     bool
	nights int // on which pairs were made, this one included where it makes any
}

// begin takes up what earlier nights have measured of the two builds, and sets how far this one may go.
func (p *pooling) begin(ctx context.Context, env Env, f *gateFlags, bench *workbench) error {
	if !p.on {
		return nil
	}
	runs, err := bench.recordedPairs(ctx)
	if err != nil {
		return err
	}
	tonight := env.Clock.Now().UTC().Format(time.DateOnly)
	nights := []string{}
	for _, name := range runs {
		run, err := bench.recorder.Run(ctx, name)
		if err != nil {
			return err
		}
		nights = append(nights, run.Start.UTC().Format(time.DateOnly))
	}
	slices.Sort(nights)
	nights = slices.Compact(nights)
	bench.runs, p.nights = runs, len(nights)
	if len(runs) == 0 {
		p.nights = 1
		return nil
	}
	fmt.Fprintf(env.Stderr, "gate: going on from %s of %s\n", harness.Count(len(runs), "run"), harness.Count(len(nights), "night"))
	another := !slices.Contains(nights, tonight)
	switch {
	case another && len(nights) >= mostNights:
		f.pairs = 0 // nothing more is measured
	case another:
		p.nights++
	}
	if p.nights >= mostNights {
		f.looks = gate.PooledLooks()
		if f.pairs > 0 {
			f.pairs *= mostNights
		}
	}
	return nil
}

// mark says of verdicts that are still open what comes next.
func (p *pooling) mark(env Env, verdicts []gate.Judged) {
	open := 0
	for i := range verdicts {
		v := &verdicts[i]
		if v.Judgement != harness.Inconclusive || v.Measured == 0 {
			continue
		}
		open++
		if p.nights >= mostNights {
			v.Reason = fmt.Sprintf("undecided after %s: a person has to decide", harness.Count(p.nights, "night"))
		}
	}
	if open > 0 && p.nights < mostNights {
		fmt.Fprintf(env.Stderr, "gate: %s left open; another night goes on from these pairs with bench gate --pool\n", harness.Count(open, "verdict"))
	}
}

// recordedPairs are the runs that have compared the bench's two builds in the cases of its plan, each on its unit.
func (w *workbench) recordedPairs(ctx context.Context) ([]string, error) {
	hashes := map[harness.Arm]string{}
	for _, build := range w.resolved.wanted.Builds {
		hashes[build.Arm] = build.Hash
	}
	var runs []string
	others := map[string]bool{}
	for _, c := range w.resolved.plan.Cases {
		of, err := w.recorder.SeriesOf(ctx, harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Paired: true, Summary: true})
		if err != nil {
			return nil, err
		}
		for _, sessions := range of {
			for _, s := range sessions {
				if s.Begin.Build.Hash != hashes[s.Begin.Planned.Arm] || s.Begin.Case.Model.Hash != c.Model.Hash {
					others[s.Run] = true
				}
				runs = append(runs, s.Run)
			}
		}
	}
	slices.Sort(runs)
	return slices.DeleteFunc(slices.Compact(runs), func(run string) bool { return others[run] }), nil
}
