package interop

import (
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// Session is one session of somebody else's file: readings by metric, under conditions that are taken as they are said.
type Session struct {
	product, model, scenario string
	system, build            string
	modelBytes               int64
	at                       time.Time // UTC: a zone of its own would give the run another name each time; zero: not said
	readings                 map[string][]float64
}

func (f *Session) add(metric string, values ...float64) {
	if f.readings == nil {
		f.readings = map[string][]float64{}
	}
	f.readings[metric] = append(f.readings[metric], values...)
}

// asCase names what was measured. The device is not known, so it is named after the product and marked.
func (f Session) asCase() harness.Case {
	product, model, scenario := orUnknown(f.product), orUnknown(f.model), orUnknown(f.scenario)
	return harness.Case{
		Device: harness.Device{UDID: "imported-" + product, Name: product + " (imported)", Kind: harness.KindImported,
			ProductType: product, OSVersion: f.system, OSBuild: f.system},
		Model:    harness.Model{Name: model, Hash: "imported-" + model, SizeBytes: f.modelBytes},
		Scenario: harness.Scenario{Name: scenario},
	}
}

// orUnknown keeps a name inside its part of a case's key.
func orUnknown(name string) string {
	if name = strings.ReplaceAll(harness.PrintableLine(name), "/", "_"); name == "" {
		return "unknown"
	}
	return name
}

// entries are what a run yields for the session.
func (f Session) entries(c harness.Case, planned harness.PlannedSession, file string) []harness.Entry {
	begin := harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned, Case: c, At: f.at,
		Build: harness.Build{Arm: planned.Arm, Hash: "imported-" + orUnknown(f.build), Revision: f.build},
		Fingerprint: harness.Fingerprint{UDID: c.Device.UDID, OSBuild: f.system, ModelHash: c.Model.Hash,
			ScenarioHash: "imported-" + c.Scenario.Name, Protocol: "imported", PowerMode: "unknown", Kind: harness.KindImported}}
	out := []harness.Entry{{Session: planned.ID, SessionBegin: &begin}}
	most := 0
	for _, m := range harness.Metrics() {
		for _, v := range f.readings[m.Name] {
			out = append(out, harness.Entry{Session: planned.ID, Sample: &harness.Sample{Session: planned.ID, Metric: m.Name,
				Unit: m.Unit, Value: v, At: f.at, Source: harness.SourceImported, Method: file}})
		}
		most = max(most, len(f.readings[m.Name]))
	}
	end := harness.SessionEnd{ID: planned.ID, Outcome: harness.OutcomeOK, Planned: most, Measured: most, At: f.at}
	return append(out, harness.Entry{Session: planned.ID, SessionEnd: &end})
}
