package reports

import (
	"encoding/json"
	"io"

	"github.com/lilims/bench/harness"
)

// jsonReport is the JSON report: base units, absent values absent. Names are stable; fields may be added.
type jsonReport struct {
	Schema  int                     `json:"schema"`
	Run     jsonRun                 `json:"run"`
	Cases   []jsonCase              `json:"cases"`
	Notices []harness.SessionNotice `json:"notices,omitempty"`

	MetricKit []harness.CrossCheck `json:"metrickit,omitempty"`
}

type jsonRun struct {
	ID        string `json:"id"`
	Revision  string `json:"revision"`
	Host      string `json:"host"`
	Start     string `json:"start"`
	End       string `json:"end,omitempty"`
	Synthetic bool   `json:"synthetic"`
	Seed      uint64 `json:"seed"`
}

type jsonCase struct {
	Case        string                `json:"case"`
	Arm         harness.Arm           `json:"arm"`
	Kind        harness.DeviceKind    `json:"kind"`
	Synthetic   bool                  `json:"synthetic"`
	Device      harness.Device        `json:"device"`
	Model       harness.Model         `json:"model"`
	Scenario    harness.Scenario      `json:"scenario"`
	Build       harness.Build         `json:"build"`
	Fingerprint harness.Fingerprint   `json:"fingerprint"`
	Sessions    int                   `json:"sessions"`
	Planned     int                   `json:"iterations_planned"`
	Measured    int                   `json:"iterations_measured"`
	Thermal     jsonThermal           `json:"thermal"`
	Figures     map[string]jsonFigure `json:"figures"`
	Ends        []jsonEnd             `json:"failures,omitempty"`
}

type jsonThermal struct {
	Start *harness.ThermalState `json:"start,omitempty"`
	Worst *harness.ThermalState `json:"worst,omitempty"`
}

type jsonFigure struct {
	Unit        string         `json:"unit"`
	Better      harness.Better `json:"better"`
	Median      *float64       `json:"median,omitempty"`
	Low         *float64       `json:"low,omitempty"`
	High        *float64       `json:"high,omitempty"`
	Min         *float64       `json:"min,omitempty"`
	Max         *float64       `json:"max,omitempty"`
	Readings    int            `json:"readings"`
	Sessions    int            `json:"sessions"`
	Method      string         `json:"method,omitempty"`
	Uncertainty *float64       `json:"uncertainty,omitempty"`
	Absent      string         `json:"absent,omitempty"`
	Note        string         `json:"note,omitempty"`
	Warnings    []string       `json:"warnings,omitempty"`
}

type jsonEnd struct {
	Session string          `json:"session"`
	Outcome harness.Outcome `json:"outcome"`
	Reason  string          `json:"reason,omitempty"`
}

// JSON writes the figures for programs.
func (r Report) JSON(w io.Writer) error {
	run := r.Recorded.Run
	out := jsonReport{Schema: 1, Notices: r.Recorded.Notices, MetricKit: r.CrossChecks, Cases: []jsonCase{}, Run: jsonRun{
		ID: run.ID, Revision: run.Revision, Host: run.Host, Start: run.Start.UTC().Format(jsonTime), Synthetic: run.Synthetic,
		Seed: run.Plan.Seed}}
	if run.End != nil {
		out.Run.End = run.End.UTC().Format(jsonTime)
	}
	for _, c := range r.Cases {
		out.Cases = append(out.Cases, c.json())
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(out)
}

const jsonTime = "2006-01-02T15:04:05.000Z07:00"

func (c Case) json() jsonCase {
	out := jsonCase{
		Case: c.Case.Key(), Arm: c.Arm, Kind: c.Case.Device.Kind, Synthetic: c.Case.Device.Kind.Synthetic(),
		Device: c.Case.Device, Model: c.Case.Model, Scenario: c.Case.Scenario, Build: c.Build, Fingerprint: c.Fingerprint,
		Sessions: len(c.Sessions), Planned: c.Planned, Measured: c.Measured,
		Thermal: jsonThermal{c.ThermalStart, c.ThermalWorst}, Figures: map[string]jsonFigure{},
	}
	for _, f := range c.Figures {
		out.Figures[f.Metric.Name] = jsonFigure{
			Unit: f.Metric.Unit, Better: f.Metric.Better, Median: f.Summary.Median, Low: f.Summary.Low, High: f.Summary.High,
			Min: f.Min, Max: f.Max, Readings: f.Readings, Sessions: f.Sessions, Method: f.Method, Uncertainty: f.Uncertainty,
			Absent: f.Absent, Note: f.Note, Warnings: f.Summary.Warnings,
		}
	}
	for _, e := range c.Ends {
		out.Ends = append(out.Ends, jsonEnd(e))
	}
	return out
}
