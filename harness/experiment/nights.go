package experiment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// mostNights is how many nights' pairs are judged together before a person has to decide.
const mostNights = 2

// takeUpNights takes up what earlier nights have measured of the two builds, and sets how far this one may go.
func (g *Gate) takeUpNights(ctx context.Context) error {
	if !g.Continue {
		return nil
	}
	runs, err := g.recordedPairs(ctx)
	if err != nil {
		return err
	}
	nights, err := g.nightsOf(ctx, runs)
	if err != nil {
		return err
	}
	g.Runs, g.nights = runs, len(nights)
	if len(runs) == 0 {
		g.nights = 1
		return nil
	}
	g.Events.notice(Continued{Runs: len(runs), Nights: len(nights)})
	another := !slices.Contains(nights, g.Clock.Now().UTC().Format(time.DateOnly))
	switch {
	case another && len(nights) >= mostNights:
		g.MostPairs = 0 // nothing more is measured
	case another:
		g.nights++
	}
	if g.nights >= mostNights {
		g.Rules.Looks = gate.PooledLooks()
		g.MostPairs *= mostNights
	}
	return nil
}

// nightsOf are the dates on which runs began, each once, oldest first.
func (g *Gate) nightsOf(ctx context.Context, runs []string) ([]string, error) {
	var out []string
	for _, id := range runs {
		run, err := g.Recorder.Run(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, run.Start.UTC().Format(time.DateOnly))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// markOpen says of verdicts that do not stand what comes next: another night, or a person.
func (g *Gate) markOpen(verdicts []gate.Judged) {
	open := 0
	for i := range verdicts {
		v := &verdicts[i]
		if v.Judgement != harness.Inconclusive || v.Measured == 0 {
			continue
		}
		open++
		if g.nights >= mostNights {
			v.Reason = fmt.Sprintf("undecided after %s: a person has to decide", harness.Count(g.nights, "night"))
		}
	}
	if open > 0 && g.nights < mostNights {
		g.Events.notice(LeftOpen{open})
	}
}
