package engine

import (
	"errors"
	"fmt"

	"github.com/lilims/bench/harness"
)

// Report is what became of the planned sessions.
type Report struct {
	Run     string
	Ended   []harness.SessionEnd // the last attempt of every planned session that ended, in the order of their ends
	Pending []string             // planned sessions without an end that counts; a resumed run takes them up
}

// Failures are the sessions that did not end ok, as errors: of kind device where the device was not fit or is gone,
// inconclusive else.
func (r Report) Failures() []error {
	var out []error
	for _, end := range r.Ended {
		if end.Outcome != harness.OutcomeOK {
			out = append(out, &harness.Error{Kind: kindOf(end.Outcome), Op: "session " + end.ID, Err: reasonOf(end)})
		}
	}
	return out
}

// Nothing is the error that sessions were made and not one of their iterations was measured, warm-ups not counted: of kind
// device where no device was fit, nothing else. nil: something was measured.
func (r Report) Nothing() error {
	if len(r.Ended) == 0 {
		return nil
	}
	kind := harness.KindDevice
	for _, end := range r.Ended {
		if end.Measured > 0 {
			return nil
		}
		if kindOf(end.Outcome) != harness.KindDevice {
			kind = harness.KindNothing
		}
	}
	return &harness.Error{Kind: kind, Op: "run " + r.Run, Hint: "bench report " + r.Run + " shows what was recorded.",
		Err: fmt.Errorf("nothing was measured in %s; the first ended with %w", harness.Count(len(r.Ended), "session"), reasonOf(r.Ended[0]))}
}

func kindOf(outcome harness.Outcome) harness.Kind {
	switch outcome {
	case harness.OutcomeRefused, harness.OutcomeThermal, harness.OutcomeDeviceLost:
		return harness.KindDevice
	}
	return harness.KindInconclusive
}

func reasonOf(end harness.SessionEnd) error {
	if end.Reason == "" {
		return errors.New(string(end.Outcome))
	}
	return fmt.Errorf("%s: %s", end.Outcome, harness.PrintableLine(end.Reason))
}
