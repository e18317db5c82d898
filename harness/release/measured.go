package release

import (
	"fmt"

	"github.com/lilims/bench/harness"
)

// Measured is the check of one metric that a claim bounds, by the evidence of each device. why says why there is none.
func Measured(name, about string, metric harness.Metric, bound float64, found []Evidence, why string) Check {
	c := Check{Name: name, About: about, Metric: metric.Name, Bound: &bound, AtLeast: metric.Better == harness.Higher, Unit: metric.Unit,
		Evidence: found}
	if len(found) == 0 {
		c.Reason = why
	}
	return c.judge()
}

// End is how a launch ended that a check's evidence is from, where it did not end well.
type End struct {
	Run, Session string
	Outcome      harness.Outcome // empty: it has no end
	Reason       string
}

func (e End) String() string {
	outcome := string(e.Outcome)
	if outcome == "" {
		outcome = "cut off"
	}
	text := fmt.Sprintf("session %s of run %s: %s", e.Session, e.Run, outcome)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// breaks reports whether app or heat has cut the launch short, rather than cable, host or a person.
func (e End) breaks() bool {
	switch e.Outcome {
	case harness.OutcomeThermal, harness.OutcomeJetsam, harness.OutcomeTimeout, harness.OutcomeAppCrash, harness.OutcomeError:
		return true
	}
	return false
}

// After counts how the launches ended that the check asks about. A promise is broken by a launch that app or heat has cut
// short, whatever was measured before; other bad ends are remarks, and the reason where nothing was measured.
func (c Check) After(ends []End) Check {
	for _, e := range ends {
		switch {
		case e.breaks() && c.Status != Fail:
			c.Status, c.Reason = Fail, e.String()
		case c.Status == NotMeasured && c.Bound != nil:
			c.Reason = e.String()
		default:
			c.Remarks = append(c.Remarks, e.String())
		}
	}
	return c
}
