package reports

import (
	"io"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// verdictsSchema is the version of the verdicts' JSON (docs/json.md).
const verdictsSchema = 1

// verdictJSON is one verdict for programs. Estimate and interval are relative changes, positive worse.
type verdictJSON struct {
	Case      string            `json:"case"`
	Metric    string            `json:"metric"`
	Verdict   harness.Judgement `json:"verdict"`
	Estimate  *float64          `json:"estimate"`
	Interval  []float64         `json:"interval"`
	Pairs     int               `json:"pairs"`
	Noise     *float64          `json:"noise,omitempty"`
	Threshold float64           `json:"threshold"`
	Value     *float64          `json:"value,omitempty"` // with an absolute limit
	Limit     *float64          `json:"limit,omitempty"`
	Reason    string            `json:"reason,omitempty"`
	Warnings  []string          `json:"warnings,omitempty"`
	Steps     []gate.Step       `json:"steps"`
}

func newVerdictJSON(j gate.Judged) verdictJSON {
	out := verdictJSON{
		Case: j.Case, Metric: j.Metric, Verdict: j.Judgement, Estimate: j.Estimate, Pairs: j.Pairs, Noise: j.Noise,
		Threshold: j.Threshold, Value: j.Value, Limit: j.Limit, Reason: j.Reason, Warnings: j.Warnings, Steps: j.Steps,
	}
	if j.Low != nil && j.High != nil {
		out.Interval = []float64{*j.Low, *j.High}
	}
	return out
}

// JSON writes the verdicts for programs, with every step that led to them.
func (all Verdicts) JSON(w io.Writer) error {
	out := struct {
		Schema   int           `json:"schema"`
		Verdicts []verdictJSON `json:"verdicts"`
	}{verdictsSchema, make([]verdictJSON, len(all))}
	for i, v := range all {
		out.Verdicts[i] = newVerdictJSON(v)
	}
	return Indented(w, out)
}

// SeriesVerdictJSON writes the verdict of one series for programs.
func SeriesVerdictJSON(w io.Writer, v gate.Judged) error {
	return Indented(w, struct {
		Schema int `json:"schema"`
		verdictJSON
	}{verdictsSchema, newVerdictJSON(v)})
}
