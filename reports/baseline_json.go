package reports

import (
	"io"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/baseline"
)

// baselinesSchema is the version of the baselines' JSON (docs/json.md).
const baselinesSchema = 1

// baselineJSON is a baseline without its readings: the file itself has those.
type baselineJSON struct {
	File        string               `json:"file"`
	Case        string               `json:"case"`
	Build       harness.Build        `json:"build"`
	Fingerprint harness.Fingerprint  `json:"fingerprint"`
	AcceptedAt  *time.Time           `json:"accepted_at,omitempty"`
	AcceptedBy  string               `json:"accepted_by,omitempty"`
	Reason      string               `json:"reason,omitempty"`
	Nights      int                  `json:"nights"`
	Sessions    int                  `json:"sessions"`
	Metrics     []baselineMetricJSON `json:"metrics"`
	New         bool                 `json:"new,omitempty"`     // of a difference: nothing is stored for the case
	Differs     []string             `json:"differs,omitempty"` // of a difference: why the two are not comparable
}

// baselineMetricJSON is a median, in base units; of a difference, beside that of the stored baseline.
type baselineMetricJSON struct {
	Metric string   `json:"metric"`
	Median *float64 `json:"median,omitempty"`
	Was    *float64 `json:"was,omitempty"`
}

func newBaselineJSON(s baseline.Stored) baselineJSON {
	size := baseline.SizeOf(s.Baseline)
	out := baselineJSON{File: s.Path, Case: s.Case, Build: s.Build, Fingerprint: s.Fingerprint, AcceptedBy: s.AcceptedBy, Reason: s.Reason,
		Nights: size.Nights, Sessions: size.Sessions}
	if !s.AcceptedAt.IsZero() {
		out.AcceptedAt = &s.AcceptedAt
	}
	return out
}

// BaselinesJSON writes stored baselines for programs.
func BaselinesJSON(w io.Writer, all []baseline.Stored) error {
	out := make([]baselineJSON, len(all))
	for i, s := range all {
		out[i] = newBaselineJSON(s)
		for _, m := range harness.Metrics() {
			if nights := s.Series[m.Name]; len(nights) > 0 {
				median := baseline.Median(nights)
				out[i].Metrics = append(out[i].Metrics, baselineMetricJSON{Metric: m.Name, Median: &median})
			}
		}
	}
	return writeBaselinesJSON(w, out)
}

// BaselineDiffJSON writes what accepting proposed baselines would change, for programs.
func BaselineDiffJSON(w io.Writer, differences []baseline.Difference) error {
	out := make([]baselineJSON, len(differences))
	for i, d := range differences {
		out[i] = newBaselineJSON(d.Proposed)
		out[i].New, out[i].Differs = d.Old == nil, d.Differs
		for _, c := range d.Metrics {
			out[i].Metrics = append(out[i].Metrics, baselineMetricJSON{c.Metric.Name, c.Is, c.Was})
		}
	}
	return writeBaselinesJSON(w, out)
}

func writeBaselinesJSON(w io.Writer, out []baselineJSON) error {
	return Indented(w, struct {
		Schema    int            `json:"schema"`
		Baselines []baselineJSON `json:"baselines"`
	}{baselinesSchema, out})
}
