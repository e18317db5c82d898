package crosscheck

import (
	"time"

	"github.com/lilims/bench/harness"
)

// phases are what the app marks with signposts of the category "bench".
var phases = [...]string{"load", "prefill", "decode"}

// session is what of a recorded session is held beside payloads: little, so that the sessions of many runs can be kept.
type session struct {
	run, id    string
	device     harness.Device
	build      harness.Build
	begin, end time.Time // equal where it was cut off
	own        own
}

// sessionsOf are the sessions of a run, in the order of recording.
func sessionsOf(run harness.Recorded) []session {
	out := make([]session, 0, len(run.Sessions))
	for _, s := range run.Sessions {
		one := session{run: run.Run.ID, id: s.Begin.ID, device: s.Begin.Case.Device, build: s.Begin.Build,
			begin: s.Begin.At, end: s.Begin.At, own: ownOf(s)}
		if s.End != nil {
			one.end = s.End.At
		}
		out = append(out, one)
	}
	return out
}

// own is what sessions recorded, added up.
type own struct {
	peak     float64 // B, highest footprint; 0: none was read
	peakFrom string
	counts   map[string]float64 // of the phases
	seconds  map[string]float64 // in the phases
	work     float64            // s, from the first event of an iteration to the last of each session
	jetsams  float64
	crashes  float64
}

func ownOf(s harness.RecordedSession) own {
	o := own{counts: map[string]float64{}, seconds: map[string]float64{}}
	o.memory(s)
	o.phases(s)
	if s.End != nil {
		switch s.End.Outcome {
		case harness.OutcomeJetsam:
			o.jetsams++
		case harness.OutcomeAppCrash:
			o.crashes++
		}
	}
	return o
}

// add adds another session's figures.
func (o *own) add(more own) {
	if o.counts == nil {
		o.counts, o.seconds = map[string]float64{}, map[string]float64{}
	}
	if more.peak > o.peak {
		o.peak, o.peakFrom = more.peak, more.peakFrom
	}
	for _, phase := range phases {
		o.counts[phase] += more.counts[phase]
		o.seconds[phase] += more.seconds[phase]
	}
	o.work += more.work
	o.jetsams += more.jetsams
	o.crashes += more.crashes
}

// memory takes the kernel's own highest where the app read it, and otherwise the highest that it saw.
func (o *own) memory(s harness.RecordedSession) {
	for _, m := range s.Samples {
		if m.Metric != harness.LedgerPeak && m.Metric != harness.Footprint {
			continue
		}
		if m.Value > o.peak {
			o.peak, o.peakFrom = m.Value, "the app's own readings"
			if m.Metric == harness.LedgerPeak {
				o.peakFrom = ledger
			}
		}
	}
}

func (o *own) phases(s harness.RecordedSession) {
	for _, m := range s.Samples {
		switch m.Metric {
		case harness.LoadFirstEver, harness.LoadCold, harness.LoadWarm:
			o.counts["load"]++
			o.seconds["load"] += m.Value
		}
	}
	for _, it := range s.Iterations {
		o.counts["prefill"]++ // begun is marked, whatever became of it
		if it.PrefillNs != nil {
			o.seconds["prefill"] += float64(*it.PrefillNs) / 1e9
		}
		if n := len(it.TokenNs); n > 0 {
			o.counts["decode"]++
			o.seconds["decode"] += float64(it.TokenNs[n-1]-it.TokenNs[0]) / 1e9
		}
		if it.EndNs != nil {
			o.work += float64(*it.EndNs-it.BeginNs) / 1e9
		}
	}
}
