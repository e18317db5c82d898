package baseline

import (
	"context"
	"slices"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Recordings is what a proposal reads of the recorded runs. A store has it.
type Recordings interface {
	// Series returns the sessions that have kept readings of the query's metric, in the order in which they began.
	Series(ctx context.Context, query harness.SeriesQuery) ([]harness.SessionSeries, error)
}

// Propose makes the baseline that a run would give for each of its cases: the nights of the run's candidate build on that
// device under the same conditions, at most the latest so many.
func (f Folder) Propose(ctx context.Context, recordings Recordings, run string, nights int) ([]Stored, error) {
	p := proposal{folder: f, recordings: recordings, most: nights}
	for _, m := range harness.Metrics() {
		of, err := recordings.Series(ctx, harness.SeriesQuery{Run: run, Arm: harness.ArmCandidate, Metric: m.Name, Summary: true})
		if err != nil {
			return nil, err
		}
		for _, begin := range firstOfEachCase(of) {
			if err := p.add(ctx, m, begin); err != nil {
				return nil, err
			}
		}
	}
	if len(p.out) == 0 {
		return nil, harness.UsageError("baseline",
			"bench report shows what the run recorded; the first launch after an install does not count.", "run %s has no session that counts", run)
	}
	return p.out, nil
}

// proposal is one call of Propose under way.
type proposal struct {
	folder     Folder
	recordings Recordings
	most       int // nights
	out        []Stored
}

func firstOfEachCase(sessions []harness.SessionSeries) []harness.SessionBegin {
	var out []harness.SessionBegin
	seen := map[string]bool{}
	for _, s := range sessions {
		if key := s.Begin.Case.Key() + "\x00" + s.Begin.Fingerprint.UDID; !seen[key] {
			seen[key] = true
			out = append(out, *s.Begin)
		}
	}
	return out
}

// add adds the nights of one metric under the conditions of a session, with its build.
func (p *proposal) add(ctx context.Context, m harness.Metric, like harness.SessionBegin) error {
	all, err := p.recordings.Series(ctx, harness.SeriesQuery{Case: like.Case.Key(), UDID: like.Fingerprint.UDID, Metric: m.Name,
		Arm: harness.ArmCandidate})
	if err != nil {
		return err
	}
	same := slices.DeleteFunc(all, func(s harness.SessionSeries) bool {
		return s.Begin.Build.Hash != like.Build.Hash || s.Begin.Fingerprint != like.Fingerprint
	})
	nights := gate.Nights(m, same, p.most)
	if len(nights) == 0 {
		return nil
	}
	path := p.folder.PathOf(like.Case)
	for i := range p.out {
		if p.out[i].Path == path && p.out[i].Fingerprint.UDID == like.Fingerprint.UDID {
			p.out[i].Series[m.Name] = nights
			return nil
		}
	}
	build := like.Build
	build.Path = "" // of this host
	p.out = append(p.out, Stored{path, harness.Baseline{Case: like.Case.Key(), Build: build, Fingerprint: like.Fingerprint,
		Series: map[string][]harness.BaselineNight{m.Name: nights}}})
	return nil
}
