package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// scale turns a base unit into one that people read. It is chosen by a figure's value and then serves its range too.
type scale struct {
	unit   string
	factor float64 // value in unit = base value * factor
}

const (
	mebibyte               = 1 << 20
	joulesPerMilliwattHour = 3.6
)

// scaleFor chooses the unit in which a value of a base unit is shown.
func scaleFor(unit string, value float64) scale {
	v := math.Abs(value)
	switch unit {
	case "s":
		switch {
		case v < 1e-3:
			return scale{"µs", 1e6}
		case v < 1:
			return scale{"ms", 1e3}
		}
		return scale{"s", 1}
	case "B":
		switch {
		case v < mebibyte:
			return scale{"KiB", 1.0 / 1024}
		case v < 1024*mebibyte:
			return scale{"MiB", 1.0 / mebibyte}
		}
		return scale{"GiB", 1.0 / (1024 * mebibyte)}
	case "J":
		if v > 0 && v < joulesPerMilliwattHour/100 { // a token's
			return scale{"µWh", 1e3 / joulesPerMilliwattHour}
		}
		return scale{"mWh", 1 / joulesPerMilliwattHour}
	case "ratio":
		return scale{"%", 100}
	case "1":
		return scale{"", 1}
	}
	return scale{unit, 1}
}

// number prints v in the scale with the digits that a measurement carries.
func (s scale) number(v float64) string { return significant(v*s.factor, 4) }

// with prints v in the scale with its unit.
func (s scale) with(v float64) string { return strings.TrimSpace(s.number(v) + " " + s.unit) }

// significant prints v with so many significant digits, never with an exponent, and not fewer than its whole part.
func significant(v float64, digits int) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := max(digits-1-int(math.Floor(math.Log10(math.Abs(v)))), 0)
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// value, spread and interval print a figure's cells.
func (f Figure) value() string {
	if f.Absent != "" {
		return "—"
	}
	s := scaleFor(f.Metric.Unit, *f.Summary.Median)
	if f.Uncertainty != nil && *f.Uncertainty > 0 {
		// The value carries no digit beyond those of its uncertainty.
		doubt := significant(*f.Uncertainty*s.factor, 2)
		_, decimals, _ := strings.Cut(doubt, ".")
		return strconv.FormatFloat(*f.Summary.Median*s.factor, 'f', len(decimals), 64) + " ± " + doubt
	}
	return s.number(*f.Summary.Median)
}

func (f Figure) unit() string {
	if f.Absent != "" {
		return ""
	}
	return scaleFor(f.Metric.Unit, *f.Summary.Median).unit
}

// spread is the range of the single readings.
func (f Figure) spread() string {
	if f.Absent != "" || f.Readings < 2 {
		return ""
	}
	s := scaleFor(f.Metric.Unit, *f.Summary.Median)
	return s.number(*f.Min) + " – " + s.number(*f.Max)
}

// interval is that of the median of sessions.
func (f Figure) interval() string {
	if f.Summary.Low == nil {
		return ""
	}
	s := scaleFor(f.Metric.Unit, *f.Summary.Median)
	return s.number(*f.Summary.Low) + " – " + s.number(*f.Summary.High)
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
		return fmt.Sprintf("No 95 %% interval: it takes %d sessions, and there %s.", need, map[bool]string{true: "is 1", false: "are " + strconv.Itoa(most)}[most == 1])
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
		return "SYNTHETIC: virtual iPhone. Real protocols, this host's CPU, modelled battery: these numbers say nothing of a phone."
	case harness.KindSimulated:
		return "SYNTHETIC: simulated device. Every number comes from a model on a virtual clock: nothing was measured."
	case harness.KindLocal:
		return "HOST: the runtime as a process of this host. These numbers say nothing of a phone."
	case harness.KindImported:
		return "IMPORTED: numbers from someone else's file, measured by other rules."
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
