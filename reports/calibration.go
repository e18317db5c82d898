package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Calibrations are what builds measured against themselves.
type Calibrations []gate.Calibration

// Text writes a row for each metric of each case.
func (all Calibrations) Text(w io.Writer) error {
	rows := [][]string{{"CASE", "METRIC", "PAIRS", "NOISE", "FALSE ALARMS", "UPPER BOUND", "DETECTABLE"}}
	for _, c := range all {
		row := []string{c.Case, label(c.Metric), fmt.Sprint(c.Pairs), share(c.Noise), nothing, nothing, nothing}
		if c.Comparisons > 0 && c.Bound != nil {
			row[4], row[5] = fmt.Sprintf("%d of %s", c.Alarms, harness.Count(c.Comparisons, "run")), fmt.Sprintf("%.0f %%", 100**c.Bound)
		}
		var detectable []string
		for _, d := range c.Detectable {
			detectable = append(detectable, fmt.Sprintf("%s at %s", harness.Percent(d.Change), harness.Count(d.Pairs, "pair")))
		}
		if len(detectable) > 0 {
			row[6] = strings.Join(detectable, ", ")
		}
		rows = append(rows, row)
	}
	if err := Columns(w, rows); err != nil {
		return err
	}
	_, err := io.WriteString(w, "Noise: standard deviation of the ratio of a pair, used by the gate from 8 pairs on. False alarms: runs of "+
		"the build\n"+
		"against itself that were judged as changed, with the 95 % upper bound of their rate. Detectable: the smallest loss that\n"+
		"is judged a regression with 90 % probability.\n")
	return err
}

// JSON writes the same for programs.
func (all Calibrations) JSON(w io.Writer) error {
	return Indented(w, struct {
		Schema       int                `json:"schema"`
		Calibrations []gate.Calibration `json:"calibrations"`
	}{verdictsSchema, append([]gate.Calibration{}, all...)})
}
