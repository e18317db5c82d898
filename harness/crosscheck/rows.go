package crosscheck

import (
	"fmt"
	"math"
	"strings"

	"github.com/lilims/bench/harness"
)

// tolerance is by how much two figures of the same may differ without a word.
const tolerance = 0.10

const ledger = "the kernel's ledger"

// mostCores bounds how much CPU time a phone can spend in a second.
const mostCores = 6

// sum adds up the figures of those names; false where there is none.
func (w window) sum(signpost string, names ...string) (float64, bool) {
	total, found := 0.0, false
	for _, f := range w.figures {
		if f.Value == nil || f.Signpost != signpost || signpost != "" && f.Category != "" && f.Category != "bench" {
			continue
		}
		for _, name := range names {
			if f.name() == name {
				total, found = total+*f.Value, true
			}
		}
	}
	return total, found
}

// highest is the largest of the figures of those names; false where there is none.
func (w window) highest(names ...string) (float64, bool) {
	best, found := 0.0, false
	for _, f := range w.figures {
		for _, name := range names {
			if f.Value != nil && f.name() == name && (!found || *f.Value > best) {
				best, found = *f.Value, true
			}
		}
	}
	return best, found
}

func (w window) memory(o own) []harness.CrossCheckRow {
	theirs, ok := w.highest("peakMemoryUsage", "peakMemory")
	if !ok {
		return nil
	}
	row := harness.CrossCheckRow{What: "peak memory", Unit: "B", MetricKit: &theirs}
	if o.peak == 0 {
		row.Note = "no session in the window read its footprint"
		return []harness.CrossCheckRow{row}
	}
	row.Ours, row.Disagrees = &o.peak, apart(theirs, o.peak)
	row.Note = "recorded: the highest of all sessions, by " + o.peakFrom
	if row.Disagrees && theirs > o.peak {
		row.Note += "; the app may have been used outside the sessions"
		if o.peakFrom != ledger {
			row.Note += ", or peaked between two of its readings"
		}
	}
	return []harness.CrossCheckRow{row}
}

// signposts compares how often each phase was marked, and bounds its CPU time.
func (w window) signposts(o own) []harness.CrossCheckRow {
	var out []harness.CrossCheckRow
	for _, phase := range phases {
		if theirs, ok := w.sum(phase, "totalSignpostCount", "totalCount"); ok {
			ours := o.counts[phase]
			row := harness.CrossCheckRow{What: phase + "s marked", Unit: "1", MetricKit: &theirs, Ours: &ours,
				Disagrees: apart(theirs, ours)}
			if row.Disagrees && theirs < ours {
				row.Note = "the system leaves signposts out when there are many"
			}
			out = append(out, row)
		}
		theirs, ok := w.sum(phase, "signpostCumulativeCPUTime", "cpuTime")
		if !ok {
			continue
		}
		ours := o.seconds[phase]
		row := harness.CrossCheckRow{What: "CPU time in " + phase, Unit: "s", MetricKit: &theirs, Ours: &ours,
			Disagrees: theirs > mostCores*ours*(1+tolerance),
			Note:      "recorded: elapsed time. CPU time is lower where the GPU or Neural Engine works, higher where several cores do"}
		if ours > 0 {
			row.Note = fmt.Sprintf("cores at work: %.2g; ", theirs/ours) + row.Note
		}
		out = append(out, row)
	}
	return out
}

func (w window) foreground(o own) []harness.CrossCheckRow {
	theirs, ok := w.sum("", "cumulativeForegroundTime", "totalForegroundTime")
	if !ok {
		return nil
	}
	return []harness.CrossCheckRow{{What: "time in the foreground", Unit: "s", MetricKit: &theirs, Ours: &o.work,
		Disagrees: theirs < o.work*(1-tolerance),
		Note:      "recorded: the iterations alone; the app is in the foreground for longer"}}
}

// exits compares how often the app was ended. Counters that are zero are left out of a payload that has others.
func (w window) exits(o own) []harness.CrossCheckRow {
	counted, memory, crash := false, 0.0, 0.0
	for _, f := range w.figures {
		name := strings.ToLower(f.name())
		if f.Value == nil || !strings.HasSuffix(name, "exitcount") {
			continue
		}
		counted = true
		switch {
		case strings.Contains(name, "memory"):
			memory += *f.Value
		case strings.Contains(name, "abnormal"), strings.Contains(name, "badaccess"),
			strings.Contains(name, "illegalinstruction"), strings.Contains(name, "watchdog"):
			crash += *f.Value
		}
	}
	if !counted {
		return nil
	}
	return []harness.CrossCheckRow{
		{What: "terminated for memory", Unit: "1", MetricKit: &memory, Ours: &o.jetsams, Disagrees: memory != o.jetsams},
		{What: "crashed", Unit: "1", MetricKit: &crash, Ours: &o.crashes, Disagrees: crash != o.crashes,
			Note: "the harness ends an app that hangs or lingers, which MetricKit may count"},
	}
}

// apart reports whether two figures of the same differ by more than the tolerance.
func apart(a, b float64) bool { return math.Abs(a-b) > tolerance*math.Max(math.Abs(a), math.Abs(b)) }
