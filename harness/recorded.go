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

// Kept returns the rule by which a launch's readings enter its metrics' series: those of an iteration that ended ok and
// is no warm-up, and those of the session as a whole. Figures of a process's first iteration are about just that
// iteration, so they are kept from a warm-up too.
func Kept(iterations []Iteration) func(Sample) bool {
	of := make(map[int]*Iteration, len(iterations))
	for i := range iterations {
		of[iterations[i].Index] = &iterations[i]
	}
	return func(m Sample) bool {
		if m.Iteration == nil {
			return true
		}
		it, ok := of[*m.Iteration]
		first := m.Metric == TTFTCold || m.Metric == TTFTFirstEver
		return ok && it.Outcome == OutcomeOK && (first || !it.Warmup)
	}
}

// Values returns the kept readings of a metric, in the order of reading.
func (s RecordedSession) Values(metric string) []float64 {
	kept := Kept(s.Iterations)
	var out []float64
	for _, m := range s.Samples {
		if m.Metric == metric && kept(m) {
			out = append(out, m.Value)
		}
	}
	return out
}

// LastAttempts returns the launches that count, in their order: of each planned session the last attempt. attempt names
// the planned session of a launch, apart from those of other runs, and which attempt at it the launch is. Of two with one
// number the later in the list counts.
func LastAttempts[L any, P comparable](launches []L, attempt func(*L) (planned P, number int)) []L {
	type try struct{ number, place int }
	last := make(map[P]try, len(launches))
	for i := range launches {
		planned, number := attempt(&launches[i])
		if before, again := last[planned]; !again || number >= before.number {
			last[planned] = try{number, i}
		}
	}
	out := make([]L, 0, len(last))
	for i := range launches {
		if planned, _ := attempt(&launches[i]); last[planned].place == i {
			out = append(out, launches[i])
		}
	}
	return out
}

func (b *SessionBegin) attempt() (string, int) { return b.Planned.ID, b.Attempt }

// Counting returns the launches that count: the last attempt of each planned session.
func (r Recorded) Counting() []RecordedSession {
	return LastAttempts(r.Sessions, func(s *RecordedSession) (string, int) { return s.Begin.attempt() })
}
