package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
)

// curve is one session's behaviour under sustained load, in windows.
type curve struct {
	session string
	points  []derive.CurvePoint
	peak    float64 // tok/s of the best window
}

// curves are the sessions' curves; none for a scenario that is no soak.
func (c Case) curves() []curve {
	if c.Case.Scenario.Duration == 0 {
		return nil
	}
	var out []curve
	for _, s := range c.Sessions {
		points := derive.Curve(s)
		if len(points) == 0 {
			continue
		}
		one := curve{session: shortName(s), points: points}
		for _, p := range points {
			one.peak = max(one.peak, p.TokS)
		}
		out = append(out, one)
	}
	return out
}

// values are one quantity of every window; nil where it was not read.
func (c curve) values(of func(derive.CurvePoint) *float64) []*float64 {
	out := make([]*float64, len(c.points))
	for i, p := range c.points {
		out[i] = of(p)
	}
	return out
}

func tokens(p derive.CurvePoint) *float64    { return &p.TokS }
func footprint(p derive.CurvePoint) *float64 { return p.Footprint }
func watts(p derive.CurvePoint) *float64     { return p.Watts }

// widest is how many characters a curve takes in a terminal.
const widest = 60

// blocks are the heights of a curve in text.
var blocks = []rune("▁▂▃▄▅▆▇█")

// text writes a curve for a terminal: one character a window, and a table of the moments that people ask for.
func (c curve) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n  %s under load: %s of %v\n", c.session, harness.Count(len(c.points), "window"), derive.CurveWindow)
	for _, row := range []struct {
		name, unit string
		of         func(derive.CurvePoint) *float64
	}{{"decode", "tok/s", tokens}, {"memory", "B", footprint}, {"power", "W", watts}} {
		line, low, high, ok := sparkline(c.values(row.of))
		if !ok {
			fmt.Fprintf(b, "  %-8s not read\n", row.name)
			continue
		}
		s := harness.ScaleFor(row.unit, high)
		fmt.Fprintf(b, "  %-8s %s  %s – %s\n", row.name, line, s.Number(low), s.With(high))
	}
	fmt.Fprintf(b, "  %-8s %s\n\n", "thermal", c.heat())
	rows := [][]string{{"after", "decode", "of peak", "memory", "power", "thermal"}}
	for _, p := range c.moments() {
		rows = append(rows, c.row(p))
	}
	writeTable(b, rows, []bool{true, true, true, true, true, false})
}

// sparkline draws values as blocks, as high as their share of the highest, so that what is flat looks flat; windows
// beyond the width are drawn together.
func sparkline(values []*float64) (line string, low, high float64, ok bool) {
	var known []float64
	for _, v := range values {
		if v != nil {
			known = append(known, *v)
		}
	}
	if len(known) == 0 {
		return "", 0, 0, false
	}
	low, high = slices.Min(known), slices.Max(known)
	var b strings.Builder
	for _, group := range groups(len(values)) {
		sum, n := 0.0, 0
		for _, v := range values[group[0]:group[1]] {
			if v != nil {
				sum += *v
				n++
			}
		}
		switch {
		case n == 0:
			b.WriteRune(' ')
		case high <= 0:
			b.WriteRune(blocks[0])
		default:
			b.WriteRune(blocks[max(0, min(int(sum/float64(n)/high*float64(len(blocks))), len(blocks)-1))])
		}
	}
	return b.String(), low, high, true
}

// groups cuts n windows into at most widest runs of nearly equal length: first window, and the one after the last.
func groups(n int) [][2]int {
	columns := min(n, widest)
	out := make([][2]int, columns)
	for i := range out {
		out[i] = [2]int{i * n / columns, (i + 1) * n / columns}
	}
	return out
}

// heat is the thermal state along the curve: one letter a column, with its legend.
func (c curve) heat() string {
	var line strings.Builder
	var seen []string
	for _, group := range groups(len(c.points)) {
		var hottest *harness.ThermalState
		for _, p := range c.points[group[0]:group[1]] {
			hottest = hotter(hottest, p.Thermal)
		}
		if hottest == nil {
			line.WriteRune('·')
			continue
		}
		line.WriteString(string(*hottest)[:1])
		if !slices.Contains(seen, string(*hottest)) {
			seen = append(seen, string(*hottest))
		}
	}
	if len(seen) == 0 {
		return "not reported"
	}
	return line.String() + "  " + strings.Join(seen, ", ")
}

// moments are the windows of the table: those that end after 5 s, 30 s, and every whole minute, and the last.
func (c curve) moments() []derive.CurvePoint {
	var out []derive.CurvePoint
	for i, p := range c.points {
		if p.End == derive.CurveWindow || p.End == 30*time.Second || p.End%time.Minute == 0 || i == len(c.points)-1 {
			out = append(out, p)
		}
	}
	return out
}

func (c curve) row(p derive.CurvePoint) []string {
	with := func(unit string, v *float64) string {
		if v == nil {
			return "—"
		}
		return harness.Quantity(unit, *v)
	}
	thermal := "—"
	if p.Thermal != nil {
		thermal = string(*p.Thermal)
	}
	return []string{
		span(p.End), with("tok/s", &p.TokS), fmt.Sprintf("%.0f %%", 100*p.TokS/c.peak), with("B", p.Footprint), with("W", p.Watts), thermal,
	}
}

// bands are the stretches of a curve in one thermal state above nominal, as areas of a chart.
func (c curve) bands() []opts.MarkAreaNameCoordItem {
	// Names of the page's colours; its script puts the theme's own in their place.
	colours := map[harness.ThermalState]string{
		harness.ThermalFair: "good", harness.ThermalSerious: "warn-rule", harness.ThermalCritical: "bad",
	}
	var out []opts.MarkAreaNameCoordItem
	var state harness.ThermalState
	for _, p := range c.points {
		now := harness.ThermalNominal
		if p.Thermal != nil {
			now = *p.Thermal
		}
		end := []any{p.End.Seconds(), "max"}
		switch {
		case now == harness.ThermalNominal:
		case now == state:
			out[len(out)-1].Coordinate1 = end
		default:
			out = append(out, opts.MarkAreaNameCoordItem{Name: string(now), Coordinate0: []any{p.Begin.Seconds(), "min"}, Coordinate1: end,
				ItemStyle: &opts.ItemStyle{Color: colours[now], Opacity: opts.Float(0.12)}})
		}
		state = now
	}
	return out
}

// line is one quantity of a curve as points of a chart, at the windows' ends.
func (c curve) line(of func(derive.CurvePoint) *float64, factor float64) []opts.LineData {
	var out []opts.LineData
	for _, p := range c.points {
		if v := of(p); v != nil {
			out = append(out, point(p.End.Seconds(), *v*factor))
		}
	}
	return out
}

// soakCharts draw a soak's curves: throughput over the thermal bands, and below it footprint and power. None for a
// scenario that is no soak.
func (c Case) soakCharts(prefix string) ([]chart, error) {
	if c.Case.Scenario.Duration == 0 {
		return nil, nil
	}
	curves := c.curves()
	rate := newPlot("seconds since the first token", "tok/s", "")
	load := newPlot("seconds since the first token", "MiB", "")
	load.line.ExtendYAxis(opts.YAxis{Name: "W", Type: "value", SplitLine: &opts.SplitLine{Show: opts.Bool(false)}})
	for n, one := range curves {
		rate.add(one.session, one.line(tokens, 1), style{colour: n + 1})
		if data := one.line(footprint, 1.0/harness.Mebibyte); len(data) > 0 {
			load.add("memory, "+one.session, data, style{colour: n + 1})
		}
		if data := one.line(watts, 1); len(data) > 0 {
			load.add("power, "+one.session, data, style{dashed: true, axis: 1, colour: n + 1})
		}
	}
	about := fmt.Sprintf("Windows of %v.", derive.CurveWindow)
	if len(curves) == 1 && len(curves[0].bands()) > 0 {
		bands := charts.WithMarkAreaNameCoordItemOpts(curves[0].bands()...)
		rate.line.SetSeriesOptions(bands)
		about += " Bands: the thermal state that the device reported, where it was not nominal."
	}
	why := "No session generated for a whole window in one process."
	one, err := rate.done(prefix+"soak", "Throughput under sustained load", about, why)
	if err != nil {
		return nil, err
	}
	two, err := load.done(
		prefix+"soakload", "Memory and power under sustained load",
		"Highest footprint of each window as the app saw it, and mean power of the whole device from its battery's gauge (dashed, right axis).",
		why,
	)
	return []chart{one, two}, err
}
