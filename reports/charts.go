package reports

import (
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/go-echarts/go-echarts/v2/charts"
	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/power"
)

// mostLines bounds the lines of one chart: more cannot be told apart.
const mostLines = 24

// colours is how many colours a page has for lines; page.css names them c1, c2, …
const colours = 8

// chart is one figure of a page: an echarts option, or the reason why there is nothing to draw.
type chart struct {
	ID      string
	Title   string
	Caption string
	Option  template.JS // JSON, safe inside a script element
	Empty   string
}

// plot collects lines for a chart. go-echarts builds the option; the page's own script adds theme and number formats,
// because those depend on the reader's screen.
type plot struct {
	line  *charts.Line
	lines int
	left  int // lines beyond mostLines, not drawn
}

// newPlot makes an empty plot. An empty xType is a value axis; "category" takes labels.
func newPlot(xName, yName, xType string) *plot {
	if xType == "" {
		xType = "value"
	}
	p := &plot{line: charts.NewLine()}
	p.line.SetGlobalOptions(
		charts.WithAnimation(false),
		charts.WithTooltipOpts(opts.Tooltip{Show: opts.Bool(true), Trigger: "axis"}),
		charts.WithLegendOpts(opts.Legend{Show: opts.Bool(true), Type: "scroll", Top: "2", Left: "0", Right: "0"}),
		charts.WithGridOpts(opts.Grid{Left: "12", Right: "18", Top: "62", Bottom: "34", ContainLabel: opts.Bool(true)}),
		charts.WithXAxisOpts(opts.XAxis{Name: xName, NameLocation: "middle", NameGap: 26, Type: xType}),
		charts.WithYAxisOpts(opts.YAxis{Name: yName, Type: "value", Scale: opts.Bool(true)}),
		charts.WithAriaOpts(&opts.Aria{Enabled: opts.Bool(true)}),
	)
	return p
}

// style says how a line is drawn.
type style struct {
	dashed  bool
	symbols bool
	faint   bool
	step    bool
	axis    int // 1: the second y axis
	colour  int // lines of the same colour belong together; 0: the next one
	level   *float64
	name    string // of level
}

func (p *plot) add(name string, data []opts.LineData, s style) {
	if p.lines == mostLines {
		p.left++
		return
	}
	p.lines++
	line := opts.LineStyle{Width: 2}
	if s.dashed {
		line.Type = "dashed"
	}
	if s.faint {
		line.Width, line.Opacity = 1.2, opts.Float(0.75)
	}
	var dot opts.ItemStyle
	if s.colour > 0 {
		// The page's script puts the theme's colour of that name in its place.
		line.Color = fmt.Sprintf("c%d", (s.colour-1)%colours+1)
		dot.Color = line.Color
	}
	kind := opts.LineChart{ShowSymbol: opts.Bool(s.symbols || len(data) == 1), // a line of one point would not be seen
		SymbolSize: 8, Symbol: "circle", YAxisIndex: s.axis}
	if s.step {
		kind.Step = "start"
	}
	options := []charts.SeriesOpts{charts.WithLineChartOpts(kind), charts.WithLineStyleOpts(line), charts.WithItemStyleOpts(dot)}
	if s.level != nil {
		options = append(options, charts.WithMarkLineNameYAxisItemOpts(opts.MarkLineNameYAxisItem{Name: s.name, YAxis: *s.level}),
			charts.WithMarkLineStyleOpts(opts.MarkLineStyle{Symbol: []string{"none", "none"}, Label: &opts.Label{Show: opts.Bool(false)}}))
	}
	p.line.AddSeries(name, data, options...)
}

// done turns the plot into a chart. why is shown where nothing was added.
func (p *plot) done(id, title, caption, why string) (chart, error) {
	c := chart{ID: id, Title: title, Caption: caption}
	if p.lines == 0 {
		c.Empty = why
		return c, nil
	}
	if p.left > 0 {
		c.Caption += fmt.Sprintf(" The first %d of %d lines are drawn.", mostLines, mostLines+p.left)
	}
	p.line.Validate()
	option, err := json.Marshal(p.line.JSON()) // escapes <, > and &, so it cannot end the script element
	if err != nil {
		return c, fmt.Errorf("chart %s: %w", id, err)
	}
	c.Option = template.JS(option)
	return c, nil
}

// shortName is a session's name without its arm: a case is of one arm.
func shortName(s harness.RecordedSession) string {
	return strings.Replace(s.Begin.ID, "-"+string(s.Begin.Planned.Arm), "", 1)
}

func point(x, y float64) opts.LineData { return opts.LineData{Value: []float64{x, y}} }

// charts draws a case. prefix keeps their ids apart on a page of many cases.
func (c Case) charts(prefix string) ([]chart, error) {
	out, err := c.soakCharts(prefix)
	if err != nil {
		return nil, err
	}
	for _, draw := range []func(string) (chart, error){c.throughputChart, c.latencyChart, c.memoryChart, c.powerChart} {
		one, err := draw(prefix)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// throughputChart shows decode tokens/s of every iteration in the order in which they ran.
func (c Case) throughputChart(prefix string) (chart, error) {
	var labels []string
	var measured, warm, failed []opts.LineData
	gap := opts.LineData{Value: "-"}
	for _, s := range c.Sessions {
		for _, it := range s.Iterations {
			labels = append(labels, fmt.Sprintf("%s #%d", shortName(s), it.Index))
			rate, ok := derive.DecodeRate(it.TokenNs)
			mark := gap
			if ok {
				mark = opts.LineData{Value: rate}
			}
			row := [3]opts.LineData{gap, gap, gap}
			switch {
			case it.Outcome != harness.OutcomeOK:
				row[2] = mark
			case it.Warmup:
				row[1] = mark
			default:
				row[0] = mark
			}
			measured, warm, failed = append(measured, row[0]), append(warm, row[1]), append(failed, row[2])
		}
	}
	p := newPlot("iteration", "tok/s", "category")
	p.line.SetXAxis(labels)
	if drawn(measured) {
		s := style{symbols: true}
		if f, ok := c.figureOf(harness.DecodeTokS); ok && f.Absent == "" {
			s.level, s.name = f.Summary.Median, "median of sessions"
		}
		p.add("measured", measured, s)
	}
	if drawn(warm) {
		p.add("warm-up (not counted)", warm, style{symbols: true, dashed: true, faint: true})
	}
	if drawn(failed) {
		p.add("failed (not counted)", failed, style{symbols: true, dashed: true, faint: true})
	}
	return p.done(prefix+"throughput", "Decode throughput", "Tokens per second after the first token, iteration by iteration. The "+
		"horizontal line is the median of the sessions.",
		"No iteration generated two tokens.")
}

// drawn reports whether a row of points has one that is no gap.
func drawn(data []opts.LineData) bool {
	for _, d := range data {
		if d.Value != "-" {
			return true
		}
	}
	return false
}

// latencyChart shows the time between tokens along each counted iteration.
func (c Case) latencyChart(prefix string) (chart, error) {
	p := newPlot("token", "ms", "")
	for n, s := range c.Sessions {
		for _, it := range s.Iterations {
			if it.Warmup || it.Outcome != harness.OutcomeOK || len(it.TokenNs) < 2 {
				continue
			}
			var data []opts.LineData
			for i := 1; i < len(it.TokenNs); i++ {
				data = append(data, point(float64(i), float64(it.TokenNs[i]-it.TokenNs[i-1])/1e6))
			}
			p.add(fmt.Sprintf("%s #%d", shortName(s), it.Index), data, style{faint: true, colour: own(n, len(c.Sessions))})
		}
	}
	return p.done(
		prefix+"latency", "Inter-token latency", "Time from each token to the next, from the app's own time stamps.",
		"No iteration generated two tokens.",
	)
}

// own is the colour of session n's lines: its own where there are several, and the next one for every line where the
// session is the only one.
func own(n, sessions int) int {
	if sessions == 1 {
		return 0
	}
	return n + 1
}

// memoryChart shows the footprints over a session's time.
func (c Case) memoryChart(prefix string) (chart, error) {
	p := newPlot("seconds since the session began", "MiB", "")
	for _, source := range []struct {
		metric, name string
		dashed       bool
	}{{harness.Footprint, "app", false}, {harness.FootprintHost, "host", true}} {
		for n, s := range c.Sessions {
			var data []opts.LineData
			for _, m := range s.Samples {
				if m.Metric == source.metric {
					data = append(data, point(m.At.Sub(s.Begin.At).Seconds(), m.Value/harness.Mebibyte))
				}
			}
			if len(data) > 0 {
				p.add(source.name+", "+shortName(s), data, style{dashed: source.dashed, colour: n + 1})
			}
		}
	}
	return p.done(prefix+"memory", "Memory", "Footprint of the process: as it sees itself (app) and as the host reads it (host, dashed). "+
		"Memory-mapped weights count in neither until they are written to.",
		"No footprint was sampled.")
}

// powerChart shows the battery gauge's power and the energy that adds up.
func (c Case) powerChart(prefix string) (chart, error) {
	p := newPlot("seconds since the session began", "W", "")
	p.line.ExtendYAxis(opts.YAxis{Name: "mWh", Type: "value", SplitLine: &opts.SplitLine{Show: opts.Bool(false)}})
	for n, s := range c.Sessions {
		power, energy := gaugePower(s)
		if len(power) == 0 {
			continue
		}
		p.add("power, "+shortName(s), power, style{step: true, colour: n + 1})
		p.add("energy, "+shortName(s), energy, style{dashed: true, faint: true, axis: 1, colour: n + 1})
	}
	why := "The battery gauge was not read twice."
	if f, ok := c.figureOf(harness.Energy); ok && f.Absent != "" {
		why = "Not measured: " + f.Absent + "."
	}
	return p.done(prefix+"power", "Power and energy", "Whole device, from the battery gauge: mean power between two updates of the gauge, "+
		"and energy since the first reading (dashed, right axis). Idle power is included here.", why)
}

// gaugePower turns the gauge's steps of mean power (W) into points, with a running energy (mWh), over seconds since the
// session began.
func gaugePower(s harness.RecordedSession) (watts, energy []opts.LineData) {
	total := 0.0
	for i, step := range power.Steps(s.Battery) {
		begin, end := step.Begin.Sub(s.Begin.At).Seconds(), step.End.Sub(s.Begin.At).Seconds()
		if i == 0 {
			watts = append(watts, point(begin, step.Watts))
			energy = append(energy, point(begin, 0))
		}
		total += step.Watts * (end - begin) / harness.JoulesPerMilliwattHour
		watts = append(watts, point(end, step.Watts))
		energy = append(energy, point(end, total))
	}
	return watts, energy
}
