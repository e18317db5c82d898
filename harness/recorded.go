package harness

import "time"

// Recorded is all that a store knows of a run: what summaries and reports are made of.
type Recorded struct {
	Run      Run               `json:"run"`
	Sessions []RecordedSession `json:"sessions"` // in the order in which they began
	Notices  []SessionNotice   `json:"notices,omitempty"`
}

// RecordedSession is one launch with all that it yielded, each list in the order of recording.
type RecordedSession struct {
	Begin      SessionBegin     `json:"begin"`
	End        *SessionEnd      `json:"end,omitempty"` // nil: cut off
	Iterations []Iteration      `json:"iterations,omitempty"`
	Samples    []Sample         `json:"samples,omitempty"`
	Battery    []BatteryReading `json:"battery,omitempty"`
	Absences   []Absence        `json:"absences,omitempty"`
	Payloads   []Payload        `json:"payloads,omitempty"`
}

// SessionNotice is a notice with the launch that it speaks of; no launch: of the run.
type SessionNotice struct {
	Session string `json:"session,omitempty"`
	Notice  Notice `json:"notice"`
}

// RunSummary is one line of a list of runs.
type RunSummary struct {
	Run      Run             `json:"run"`
	Begun    int             `json:"begun"`              // launches
	Ended    int             `json:"ended"`              // launches that have an end
	Planned  int             `json:"planned"`            // iterations that the ended launches were asked for
	Measured int             `json:"measured"`           // of those, the ones that ended ok
	Outcomes map[Outcome]int `json:"outcomes,omitempty"` // of the launches
	Notes    []RunNote       `json:"notes,omitempty"`
}

// RunNote is what somebody has said of a run.
type RunNote struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// SessionSeries is one metric's kept values of one launch: the unit of replication of every comparison.
type SessionSeries struct {
	Run    string        `json:"run"`
	Begin  *SessionBegin `json:"begin"` // one for all series of the launch: not to be changed
	Values []float64     `json:"values"`
	Unit   string        `json:"unit"`

	Uncertainty *float64 `json:"uncertainty,omitempty"` // largest half width of a reading's 95 % interval, where readings state one
}

// Keeps reports whether a reading of metric taken in it enters the metric's series: the iteration ended ok and is no
// warm-up. Figures of a process's first iteration are about just that iteration, so they are kept from a warm-up too.
func Keeps(metric string, it Iteration) bool {
	first := metric == TTFTCold || metric == TTFTFirstEver
	return it.Outcome == OutcomeOK && (first || !it.Warmup)
}

// Values returns the kept readings of a metric: of kept iterations, and of the session as a whole where it did not end
// for a reason that voids them.
func (s RecordedSession) Values(metric string) []float64 {
	kept := map[int]bool{}
	for _, it := range s.Iterations {
		kept[it.Index] = Keeps(metric, it)
	}
	var out []float64
	for _, m := range s.Samples {
		if m.Metric == metric && (m.Iteration == nil || kept[*m.Iteration]) {
			out = append(out, m.Value)
		}
	}
	return out
}

// Counting returns the launches that count: the last attempt of each planned session.
func (r Recorded) Counting() []RecordedSession {
	last := map[string]int{}
	for i, s := range r.Sessions {
		last[s.Begin.Planned.ID] = i
	}
	var out []RecordedSession
	for i, s := range r.Sessions {
		if last[s.Begin.Planned.ID] == i {
			out = append(out, s)
		}
	}
	return out
}
