package experiment

import (
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

// Events tell people where an experiment stands. Functions that are nil are not called.
type Events struct {
	Begun    func(run harness.Run, resumed bool) // a run is about to begin, or goes on
	Progress func(engine.Progress)               // called from one goroutine at a time
	Ended    func(run string)                    // no more progress comes of the run
	Notice   func(Notice)                        // what the design has decided
}

// Notice is a decision of the design: one of [Continued], [MorePairs], [Measured], [LeftOpen] and [ScreenOpen]. Its text is
// for people.
type Notice fmt.Stringer

// Continued: pairs of earlier nights are counted.
type Continued struct{ Runs, Nights int }

func (n Continued) String() string {
	return fmt.Sprintf("continuing from %s of %s", harness.Count(n.Runs, "run"), harness.Count(n.Nights, "night"))
}

// MorePairs: some verdict does not stand yet, so another round is made.
type MorePairs struct{ Pairs int }

func (n MorePairs) String() string {
	return "not decided yet: " + harness.Count(n.Pairs, "more pair")
}

// Measured: the verdicts are made from the pairs of these runs.
type Measured struct{ Runs []string }

func (n Measured) String() string { return "runs " + strings.Join(n.Runs, " ") }

// LeftOpen: so many verdicts do not stand, and another night may decide them.
type LeftOpen struct{ Verdicts int }

func (n LeftOpen) String() string {
	return harness.Count(n.Verdicts, "verdict") + " undecided; bench gate --continue goes on from these pairs another night"
}

// ScreenOpen: the stored screen leaves so many verdicts to fresh pairs.
type ScreenOpen struct{ Verdicts int }

func (n ScreenOpen) String() string {
	return "the screen is inconclusive for " + harness.Count(n.Verdicts, "verdict") + ": measuring fresh pairs"
}

func (e Events) begun(run harness.Run, resumed bool) {
	if e.Begun != nil {
		e.Begun(run, resumed)
	}
}

func (e Events) ended(run string) {
	if e.Ended != nil {
		e.Ended(run)
	}
}

func (e Events) notice(n Notice) {
	if e.Notice != nil {
		e.Notice(n)
	}
}
