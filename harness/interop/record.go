package interop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
)

// Recorder is where runs are recorded.
type Recorder interface {
	Begin(ctx context.Context, run harness.Run) error
	Record(ctx context.Context, run string, entries ...harness.Entry) error
	Finish(ctx context.Context, run string, end time.Time) error
}

// Origin is who records, and when.
type Origin struct {
	Revision string // of this program
	Host     string
	Clock    harness.Clock
}

// Record makes a run of a file's sessions and returns its name. The run is named by the file's content, so that a file
// that is imported twice is recorded once: the second time is an error of kind usage.
func Record(ctx context.Context, recorder Recorder, origin Origin, file File) (run string, err error) {
	made, entries := file.run(origin)
	if err := recorder.Begin(ctx, made); err != nil {
		return "", err
	}
	if err := recorder.Record(ctx, made.ID, entries...); err != nil {
		return "", err
	}
	return made.ID, recorder.Finish(ctx, made.ID, *made.End)
}

// run is the file as a run of the moment, with what its sessions yield.
func (f File) run(origin Origin) (harness.Run, []harness.Entry) {
	digest := sha256.Sum256(fmt.Appendf(nil, "%v", f.Sessions)) // of every field: two files differ in one at least
	run := harness.Run{ID: "imported-" + hex.EncodeToString(digest[:6]), Revision: origin.Revision, Host: origin.Host,
		Start: origin.Clock.Now()}
	var entries []harness.Entry
	for i, s := range f.Sessions {
		if s.at.IsZero() {
			s.at = run.Start
		}
		c := s.asCase()
		ordinal := slices.IndexFunc(run.Plan.Cases, func(o harness.Case) bool { return o == c })
		if ordinal < 0 {
			ordinal = len(run.Plan.Cases)
			run.Plan.Cases = append(run.Plan.Cases, c)
		}
		planned := harness.PlannedSession{
			ID: fmt.Sprintf("s%03d-candidate", i), Ordinal: i, Case: ordinal, Arm: harness.ArmCandidate, Pair: i}
		run.Plan.Sessions = append(run.Plan.Sessions, planned)
		entries = append(entries, s.entries(c, planned, filepath.Base(f.Path))...)
	}
	run.Fingerprint = entries[0].SessionBegin.Fingerprint
	end := run.Start
	run.End = &end
	return run, entries
}
