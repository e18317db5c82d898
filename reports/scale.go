package reports

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// value, spread and interval print a figure's cells.
func (f Figure) value() string {
	if f.Absent != "" {
		return "—"
	}
	s := harness.ScaleFor(f.Metric.Unit, *f.Summary.Median)
	if f.Uncertainty != nil && *f.Uncertainty > 0 {
		// The value carries no digit beyond those of its uncertainty.
		doubt := harness.Significant(*f.Uncertainty*s.Factor, 2)
		_, decimals, _ := strings.Cut(doubt, ".")
		return strconv.FormatFloat(*f.Summary.Median*s.Factor, 'f', len(decimals), 64) + " ± " + doubt
	}
	return s.Number(*f.Summary.Median)
}

func (f Figure) unit() string {
	if f.Absent != "" {
		return ""
	}
	return harness.ScaleFor(f.Metric.Unit, *f.Summary.Median).Unit
}

// spread is the range of the single readings.
func (f Figure) spread() string {
	if f.Absent != "" || f.Readings < 2 {
		return ""
	}
	s := harness.ScaleFor(f.Metric.Unit, *f.Summary.Median)
	return s.Number(*f.Min) + " – " + s.Number(*f.Max)
}

// interval is that of the median of sessions.
func (f Figure) interval() string {
	if f.Summary.Low == nil {
		return ""
	}
	s := harness.ScaleFor(f.Metric.Unit, *f.Summary.Median)
	return s.Number(*f.Summary.Low) + " – " + s.Number(*f.Summary.High)
}

// count says how many readings stand behind a figure.
func (f Figure) count() string {
	switch {
	case f.Absent != "":
		return ""
	case f.Readings == f.Sessions:
		return strconv.Itoa(f.Readings)
	}
	return fmt.Sprintf("%d in %d", f.Readings, f.Sessions)
}

// remark is what a reader must know of a figure: why it is missing, how it was obtained.
func (f Figure) remark() string {
	if f.Absent != "" {
		return f.Absent
	}
	var parts []string
	for _, part := range []string{f.Method, f.Note} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

// few says why the medians have no interval; empty: they have one, or there is nothing to have one of.
func (c Case) few() string {
	most := 0
	for _, f := range c.Figures {
		most = max(most, f.Sessions)
	}
	if need := stats.SummaryNeeds(stats.SummaryConfidence); most > 0 && most < need {
		return fmt.Sprintf("No 95 %% interval: at least %d sessions are needed, and there %s.", need, map[bool]string{
			true: "is 1", false: "are " + strconv.Itoa(most),
		}[most == 1])
	}
	return ""
}

// title names a case for people.
func (c Case) title() string {
	parts := []string{deviceTitle(c.Case.Device), modelTitle(c.Case.Model), c.Case.Scenario.Name}
	if c.Arms > 1 {
		parts = append(parts, string(c.Arm))
	}
	return strings.Join(parts, " · ")
}

func deviceTitle(d harness.Device) string {
	name := d.Marketing
	if name == "" {
		name = d.ProductType
	}
	if name == "" {
		name = d.Name
	}
	switch {
	case strings.Contains(d.Name, name):
		name = d.Name
	case d.Name != "":
		name += " “" + d.Name + "”"
	}
	if d.OSVersion != "" && (d.Kind == harness.KindIPhone || d.Kind == harness.KindVirtual) {
		name += ", iOS " + d.OSVersion
	}
	return name
}

func modelTitle(m harness.Model) string {
	return strings.Join(strings.Fields(m.Name+" "+m.Version+" "+m.Quantization), " ")
}

// mark says whether a kind's numbers speak of a phone; empty: they do.
func mark(kind harness.DeviceKind) string {
	switch kind {
	case harness.KindVirtual:
		return "SYNTHETIC: virtual iPhone. Real protocols, this host's CPU, modelled battery: not representative of a phone."
	case harness.KindSimulated:
		return "SYNTHETIC: simulated device. Every number comes from a model on a virtual clock: nothing was measured."
	case harness.KindLocal:
		return "HOST: the runtime as a process of this host. Not representative of a phone."
	case harness.KindImported:
		return "IMPORTED: figures from a file, measured with other methods."
	}
	return ""
}

// shortMark is mark in one word.
func shortMark(kind harness.DeviceKind) string {
	if kind == harness.KindIPhone {
		return ""
	}
	return string(kind)
}

// thermal prints start and worst state.
func (c Case) thermal() string {
	if c.ThermalStart == nil && c.ThermalWorst == nil {
		return "not reported"
	}
	start, worst := "unknown", "unknown"
	if c.ThermalStart != nil {
		start = string(*c.ThermalStart)
	}
	if c.ThermalWorst != nil {
		worst = string(*c.ThermalWorst)
	}
	return start + " at the start, " + worst + " at worst"
}

// moment prints a time for people, always in UTC so that the same run gives the same bytes anywhere.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span prints a duration for people.
func span(d time.Duration) string {
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
