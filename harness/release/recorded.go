package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
)

// Recordings is what is recorded, as an evaluation reads it.
type Recordings interface {
	// Runs lists all, the newest first.
	Runs(ctx context.Context) ([]harness.RunSummary, error)
	Load(ctx context.Context, run string) (harness.RunState, error)
	Series(ctx context.Context, query harness.SeriesQuery) ([]harness.SessionSeries, error)
	Read(ctx context.Context, run string) (harness.Recorded, error)
}

// asked is what launches must be of to count.
type asked struct {
	product  string
	model    harness.Model
	scenario string
	hash     string // of the scenario; empty: any
	build    string // hash; empty: a candidate of any build
}

func (a asked) key() string { return a.product + "/" + a.model.Name + "/" + a.scenario }

// fits reports whether launches of a case and build count. Ones that nearly do say what they are of instead.
func (a asked) fits(c harness.Case, arm harness.Arm, b harness.Build) (fits bool, instead string) {
	switch {
	case c.Key() != a.key() || a.build == "" && arm != harness.ArmCandidate:
		return false, ""
	case c.Model.Hash != a.model.Hash:
		return false, "another conversion of the model"
	case a.hash != "" && c.Scenario.Hash() != a.hash:
		return false, "another form of the scenario"
	case a.build != "" && b.Hash != a.build:
		return false, "another build, " + buildName(b)
	}
	return true, ""
}

func (a asked) fitsSession(b harness.SessionBegin) bool {
	fits, _ := a.fits(b.Case, b.Planned.Arm, b.Build)
	return fits
}

// buildName is a build's revision, or where it has none the beginning of its hash.
func buildName(b harness.Build) string {
	if b.Revision != "" && b.Revision != appbundle.UnknownRevision {
		return b.Revision
	}
	return b.Hash[:min(len(b.Hash), 12)]
}

// launches are those of one run that count, each planned session by its last attempt.
type launches struct {
	run      string
	sessions []harness.SessionState
}

// newest finds the latest run with launches of what is asked, on the first of the kinds of devices that has any; nil:
// there is none, for the reason in why. A run counts whatever became of it: an older one that ended better is not taken
// in its place.
func (e *evaluation) newest(ctx context.Context, a asked, kinds []harness.DeviceKind) (found *launches, why string, err error) {
	for _, kind := range kinds {
		for _, run := range e.runs {
			planned, instead := plansOf(run.Run, kind, a)
			if instead != "" && why == "" {
				why = fmt.Sprintf("run %s is of %s", run.Run.ID, instead)
			}
			if !planned {
				continue
			}
			state, err := e.recordings.Load(ctx, run.Run.ID)
			if err != nil {
				return nil, "", err
			}
			sessions := slices.DeleteFunc(state.Counting(), func(s harness.SessionState) bool { return !a.fitsSession(s.Begin) })
			if len(sessions) > 0 {
				return &launches{run.Run.ID, sessions}, "", nil
			}
		}
	}
	if why == "" {
		why = fmt.Sprintf("no run of %s is recorded on %s", a.key(), strings.Join(kindNames(kinds), " or "))
	}
	return nil, why + "; --measure makes one", nil
}

func kindNames(kinds []harness.DeviceKind) []string {
	names := map[harness.DeviceKind]string{harness.KindIPhone: "an iPhone", harness.KindVirtual: "a virtual iPhone",
		harness.KindSimulated: "a simulated device"}
	var out []string
	for _, k := range kinds {
		out = append(out, names[k])
	}
	return out
}

// plansOf reports whether a run has planned launches of what is asked, or what the nearest are of instead.
func plansOf(run harness.Run, kind harness.DeviceKind, a asked) (fits bool, instead string) {
	for _, c := range run.Plan.Cases {
		for _, b := range run.Plan.Builds {
			if c.Device.Kind != kind {
				continue
			}
			ok, near := a.fits(c, b.Arm, b)
			if ok {
				return true, ""
			}
			if instead == "" {
				instead = near
			}
		}
	}
	return false, instead
}

// ends are those of launches that did not end well.
func (l launches) ends() []End {
	var out []End
	for _, s := range l.sessions {
		end := End{Run: l.run, Session: s.Begin.ID}
		if s.End != nil {
			end.Outcome, end.Reason = s.End.Outcome, s.End.Reason
		}
		if end.Outcome != harness.OutcomeOK {
			out = append(out, end)
		}
	}
	return out
}
