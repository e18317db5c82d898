package experiment

import (
	"context"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/plan"
)

// Experiment measures one selection in rounds, each of them a run, on the same devices.
type Experiment struct {
	Setup
	Selection plan.Selection // what each round is planned from
	Cases     []harness.Case // of the selection
	Runs      []string       // whose sessions are judged together, in their order
}

// New plans the selection. Nothing is measured yet.
func New(setup Setup, selection plan.Selection) (*Experiment, error) {
	p, err := plan.Build(setup.Catalog, selection)
	return &Experiment{Setup: setup, Selection: selection, Cases: p.Cases}, err
}

// Round makes one run with so many sessions of each case and build; 0: as many as the scenario says.
// That the first round measured nothing is an error.
func (e *Experiment) Round(ctx context.Context, sessions int) error {
	// A later round begins with the other arm, so that the pairs go on alternating.
	wanted := e.Selection
	wanted.Sessions, wanted.Seed = sessions, wanted.Seed+uint64(len(e.Runs))
	p, err := plan.Build(e.Catalog, wanted)
	if err != nil {
		return err
	}
	run, done, err := e.Run(ctx, p)
	if run.ID != "" {
		e.Runs = append(e.Runs, run.ID)
	}
	if err == nil && len(e.Runs) == 1 {
		return done.Nothing() // later rounds have earlier ones to be judged by
	}
	return err
}

// arms are the two arms of the runs.
func (e *Experiment) arms() compare.Arms { return compare.Interleaved(e.Runs...) }

// deviceTime is how long the devices were kept busy by the runs: from each run's first launch to its last end, by the
// devices' own clocks.
func (e *Experiment) deviceTime(ctx context.Context) (time.Duration, error) {
	var sum time.Duration
	for _, run := range e.Runs {
		state, err := e.Recorder.Load(ctx, run)
		if err != nil {
			return 0, err
		}
		first, last := map[string]time.Time{}, map[string]time.Time{}
		for _, s := range state.Sessions {
			udid := s.Begin.Fingerprint.UDID
			if _, ok := first[udid]; !ok {
				first[udid], last[udid] = s.Begin.At, s.Begin.At
			}
			if s.End != nil && s.End.At.After(last[udid]) {
				last[udid] = s.End.At
			}
		}
		for udid := range first {
			sum += last[udid].Sub(first[udid])
		}
	}
	return sum, nil
}

// recordedPairs are the runs that have compared the selection's two builds in its cases, each on its device. A run that
// has also compared others is left out.
func (e *Experiment) recordedPairs(ctx context.Context) ([]string, error) {
	hashes := map[harness.Arm]string{}
	for _, build := range e.Selection.Builds {
		hashes[build.Arm] = build.Hash
	}
	var runs []string
	others := map[string]bool{}
	for _, c := range e.Cases {
		of, err := e.Recorder.SeriesOf(ctx, harness.SeriesQuery{Case: c.Key(), UDID: c.Device.UDID, Paired: true, Summary: true})
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
