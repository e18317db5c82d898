package reports

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/go-echarts/go-echarts/v2/opts"

	"github.com/lilims/bench/harness"
)

// PageName is the file name of a run's page, as the index links to it.
func PageName(run string) string {
	name := []rune{}
	for _, c := range run {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' {
			name = append(name, c)
		} else {
			name = append(name, '_')
		}
	}
	return "run-" + string(name) + ".html"
}

type indexPage struct {
	Frame  frame
	Count  string
	Charts []chart
	Rows   []indexRow
}

type indexRow struct {
	Link, Started, Run, Title, Mark, Iterations, Outcome string
	OK                                                   bool
	Values                                               []string
}

// indexMetrics are the columns of the index.
func indexMetrics() []string {
	return []string{harness.DecodeTokS, harness.TTFT, harness.PeakFootprint, harness.EnergyPerToken}
}

// Index writes the page over all runs: each with its figures and a link to its own page, and a chart for each metric
// over time. Lines never connect different cases, devices or kinds of device.
func Index(w io.Writer, all []Report) error {
	var data indexPage
	var err error
	if data.Frame, err = newFrame("Runs", harness.Count(len(all), "run")+".", true); err != nil {
		return err
	}
	data.Count = harness.Count(len(all), "run") + ", the latest first."
	sorted := append([]Report{}, all...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].Recorded.Run.Start.After(sorted[j].Recorded.Run.Start) })
	for _, r := range sorted {
		data.Rows = append(data.Rows, indexRows(r)...)
	}
	for _, metric := range indexMetrics()[:2] {
		one, err := historyChart(metric, sorted)
		if err != nil {
			return err
		}
		data.Charts = append(data.Charts, one)
	}
	return page(w, "index.html.tmpl", data)
}

func indexRows(r Report) []indexRow {
	run := r.Recorded.Run
	outcome, ok := r.outcome()
	base := indexRow{Link: PageName(run.ID), Started: run.Start.UTC().Format("2006-01-02 15:04"), Run: run.ID, Outcome: outcome, OK: ok}
	if len(r.Cases) == 0 {
		base.Title = "no session began"
		base.Values = make([]string, len(indexMetrics()))
		return []indexRow{base}
	}
	var out []indexRow
	for _, c := range r.Cases {
		row := base
		row.Title, row.Mark = c.title(), shortMark(c.Case.Device.Kind)
		row.Iterations = fmt.Sprintf("%d of %d", c.Measured, c.Planned)
		for _, metric := range indexMetrics() {
			cell := "—"
			if f, ok := c.figureOf(metric); ok && f.Absent == "" {
				value, _, _ := strings.Cut(f.value(), " ± ")
				cell = value + " " + f.unit()
			}
			row.Values = append(row.Values, cell)
		}
		out = append(out, row)
	}
	return out
}

// historyChart shows a metric's medians over the runs, one line per case, device, kind and arm.
func historyChart(metric string, latestFirst []Report) (chart, error) {
	m, _ := harness.MetricNamed(metric)
	unit := m.Unit
	factor := 1.0
	if unit == "s" {
		unit, factor = "ms", 1e3
	}
	p := newPlot("", unit, "time")
	var keys []string
	names := map[string]string{}
	lines := map[string][]opts.LineData{}
	for i := len(latestFirst) - 1; i >= 0; i-- {
		for _, c := range latestFirst[i].Cases {
			f, ok := c.figureOf(metric)
			if !ok || f.Absent != "" {
				continue
			}
			name := c.Case.Device.Name + " · " + c.Case.Model.Name + " · " + c.Case.Scenario.Name
			if c.Arms > 1 {
				name += " · " + string(c.Arm)
			}
			if short := shortMark(c.Case.Device.Kind); short != "" {
				name += " (" + short + ")"
			}
			key := strings.Join([]string{name, c.Case.Device.UDID, string(c.Arm)}, "\x00")
			if _, ok := lines[key]; !ok {
				keys = append(keys, key)
				names[key] = name
			}
			at := latestFirst[i].Recorded.Run.Start.UTC().Format(time.RFC3339)
			lines[key] = append(lines[key], opts.LineData{Value: []any{at, *f.Summary.Median * factor}})
		}
	}
	for _, key := range keys {
		p.add(names[key], lines[key], style{symbols: true})
	}
	return p.done("history-"+metric, label(metric), m.What+".", "No run has this figure.")
}
