package experiment

import (
	"context"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
)

// defaultBudget is how long a gate may keep the devices busy where neither its caller nor the policy says.
const defaultBudget = 3 * time.Hour

// Gate compares the two builds of a selection by interleaved pairs, judged after each round: the fewest that decide.
type Gate struct {
	*Experiment
	Rules     compare.Rules
	MostPairs int           // of each case, in one night
	Budget    time.Duration // of device time, after which no further round begins; 0: the policy's
	Continue  bool          // go on from the pairs of an earlier night that left these two builds undecided
	Baselines Baselines     // what [Gate.Screen] judges by

	nights int // on which pairs were made, this one included where it makes any; 0: not continued
}

// Result is what a gate has found.
type Result struct {
	Verdicts  []gate.Judged
	Candidate []harness.SeriesQuery // the candidate's sessions, for absolute limits
	Runs      []string              // whose sessions were judged
	Reused    bool                  // all of those runs were recorded before: nothing had to be measured
}

// Pairs measures interleaved pairs until every verdict stands or the limits are reached. With Continue it goes on from
// what an earlier night has measured of the two builds.
func (g *Gate) Pairs(ctx context.Context) (Result, error) {
	if err := g.check(); err != nil {
		return Result{}, err
	}
	if err := g.takeUpNights(ctx); err != nil {
		return Result{}, err
	}
	before := len(g.Runs)
	verdicts, err := g.untilDecided(ctx)
	if err != nil {
		return Result{}, err
	}
	g.markOpen(verdicts)
	return Result{Verdicts: verdicts, Candidate: g.arms().Candidate, Runs: g.Runs, Reused: len(g.Runs) == before}, nil
}

// Reuse judges by all pairs that are recorded of the two builds, of any night, and measures further ones only where those
// do not decide.
func (g *Gate) Reuse(ctx context.Context) (Result, error) {
	if err := g.check(); err != nil {
		return Result{}, err
	}
	var err error
	if g.Runs, err = g.recordedPairs(ctx); err != nil {
		return Result{}, err
	}
	before := len(g.Runs)
	verdicts, err := g.untilDecided(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{Verdicts: verdicts, Candidate: g.arms().Candidate, Runs: g.Runs, Reused: len(g.Runs) == before}, nil
}

// check refuses builds whose figures would say nothing: not optimised, or of nobody knows which source.
func (g *Gate) check() error {
	if g.MostPairs < 0 {
		return harness.UsageError("gate", "Give at least 1.", "--max-pairs %d: a number of pairs is not negative", g.MostPairs)
	}
	if _, err := g.Rules.Thresholds(); err != nil {
		return err
	}
	for _, d := range g.Selection.Devices {
		if d.Kind != harness.KindIPhone && d.Kind != harness.KindVirtual {
			return nil // other builds carry no description of their own
		}
	}
	for _, b := range g.Selection.Builds {
		refuse := func(hint, format string, args ...any) error {
			return &harness.Error{Kind: harness.KindBuild, Op: "gate", Err: fmt.Errorf(format, args...), Hint: hint}
		}
		switch {
		case b.Configuration == "Debug":
			return refuse("Build it with the Release configuration; bench run measures it all the same.", "the %s %s is a Debug build", b.Arm,
				b.Path)
		case b.Revision == "" || b.Revision == "unknown":
			return refuse("Build it from a git checkout, or name the revision (LilimsRevision in its Info.plist).",
				"the revision of the %s %s is unknown", b.Arm, b.Path)
		}
	}
	return nil
}

// untilDecided measures round after round, from the first on or after those that there are already. A round that adds no
// pair anywhere is the last: the device will not give more.
func (g *Gate) untilDecided(ctx context.Context) ([]gate.Judged, error) {
	before, err := g.deviceTime(ctx) // of earlier nights: the budget is for this one
	if err != nil {
		return nil, err
	}
	pairs, want := -1, g.firstPairs()
	for again := len(g.Runs) > 0; ; again = false {
		if !again {
			if err := g.Round(ctx, want); err != nil {
				return nil, err
			}
		}
		verdicts, err := compare.Judge(ctx, g.Recorder, g.Rules, g.arms())
		if err != nil {
			return nil, err
		}
		was := pairs
		pairs = measured(verdicts)
		spent, err := g.deviceTime(ctx)
		if err != nil {
			return nil, err
		}
		want = g.morePairs(verdicts)
		// What earlier runs have left open is gone on with once at least.
		if want == 0 || !again && (pairs == was || spent-before >= g.budget()) {
			g.Events.notice(Measured{g.Runs})
			return verdicts, nil
		}
		g.Events.notice(MorePairs{want})
	}
}

// measured is the number of usable pairs over all verdicts.
func measured(verdicts []gate.Judged) int {
	sum := 0
	for _, v := range verdicts {
		sum += v.Measured
	}
	return sum
}

func (g *Gate) budget() time.Duration {
	switch {
	case g.Budget > 0:
		return g.Budget
	case g.Policy.Budget > 0:
		return g.Policy.Budget
	}
	return defaultBudget
}

// firstPairs is what the first look needs, and one more: the first launch after an install does not count.
func (g *Gate) firstPairs() int {
	const look = 6 // the first look without history; with it, 5
	return min(look+1, max(g.MostPairs, 1))
}

// morePairs is how many pairs the next look needs where some case is not decided; 0 where all are, or no more may be made.
func (g *Gate) morePairs(verdicts []gate.Judged) int {
	looks := g.Rules.Looks
	if looks == nil {
		looks = gate.DefaultLooks()
	}
	more := 0
	for _, v := range verdicts {
		if v.Judgement != harness.Inconclusive || len(v.Steps) == 0 && v.Measured == 0 {
			continue
		}
		for _, look := range looks {
			if look > v.Measured && look <= g.MostPairs {
				more = max(more, look-v.Measured)
				break
			}
		}
	}
	return more
}
