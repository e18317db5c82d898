package reports

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
)

// crossCheckTitle says of what a cross-check speaks.
func crossCheckTitle(w harness.CrossCheck) string {
	const minute = "2006-01-02 15:04"
	text := fmt.Sprintf("%s, %s to %s", w.Device, w.Begin.UTC().Format(minute), w.End.UTC().Format(minute))
	if w.ZoneStated {
		text += " UTC"
	}
	text += fmt.Sprintf(", %s of %s", harness.Count(w.Sessions, "session"), harness.Count(len(w.Runs), "run"))
	if m := shortMark(w.Kind); m != "" {
		text += " (" + m + ")"
	}
	return text
}

// crossCheckCells are a row for people: what, MetricKit's figure, ours, whether they agree, and what to know.
func crossCheckCells(r harness.CrossCheckRow) []string {
	show := func(v *float64) string {
		switch {
		case v == nil:
			return "—"
		case r.Unit == "1":
			return strconv.FormatFloat(*v, 'f', -1, 64) // a count
		}
		return harness.Quantity(r.Unit, *v)
	}
	verdict := "agrees"
	switch {
	case r.Ours == nil || r.MetricKit == nil:
		verdict = ""
	case r.Disagrees:
		verdict = "DISAGREES"
	}
	return []string{r.What, show(r.MetricKit), show(r.Ours), verdict, r.Note}
}

// textCrossChecks writes what MetricKit says beside the run's own figures.
func (r Report) textCrossChecks(b *strings.Builder) {
	for _, w := range r.CrossChecks {
		fmt.Fprintf(b, "\nMetricKit cross-check: %s\n", crossCheckTitle(w))
		rows := [][]string{{"quantity", "MetricKit", "recorded", "", ""}}
		for _, row := range w.Rows {
			rows = append(rows, crossCheckCells(row))
		}
		if len(w.Rows) > 0 {
			writeTable(b, rows, []bool{false, true, true, false, false})
		}
		fmt.Fprintf(b, "  from %s\n", strings.Join(w.Payloads, ", "))
		for _, note := range w.Notes {
			fmt.Fprintf(b, "  %s\n", note)
		}
	}
}

// markdownCrossChecks writes the same as tables.
func (r Report) markdownCrossChecks(b *strings.Builder) {
	if len(r.CrossChecks) == 0 {
		return
	}
	b.WriteString("\n## MetricKit cross-check\n")
	for _, w := range r.CrossChecks {
		fmt.Fprintf(b, "\n%s\n\n| quantity | MetricKit | recorded | | |\n|:--|--:|--:|:--|:--|\n", escapeMarkdown(crossCheckTitle(w)))
		for _, row := range w.Rows {
			cells := crossCheckCells(row)
			for i := range cells {
				cells[i] = escapeMarkdown(cells[i])
			}
			fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
		}
		fmt.Fprintf(b, "\nFrom %s.", escapeMarkdown(strings.Join(w.Payloads, ", ")))
		for _, note := range w.Notes {
			fmt.Fprintf(b, " %s.", escapeMarkdown(upperFirst(note)))
		}
		b.WriteString("\n")
	}
}

func upperFirst(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// crossCheckPage is what the page shows of a cross-check.
type crossCheckPage struct {
	Title string
	Rows  []crossCheckCellsRow
	From  string
	Notes []string
}

type crossCheckCellsRow struct {
	What, MetricKit, Ours, Verdict, Note string
	Disagrees                            bool
}

func (r Report) crossCheckPages() []crossCheckPage {
	var out []crossCheckPage
	for _, w := range r.CrossChecks {
		page := crossCheckPage{Title: crossCheckTitle(w), From: strings.Join(w.Payloads, ", "), Notes: w.Notes}
		for _, row := range w.Rows {
			c := crossCheckCells(row)
			page.Rows = append(page.Rows, crossCheckCellsRow{c[0], c[1], c[2], strings.ToLower(c[3]), c[4], row.Disagrees})
		}
		out = append(out, page)
	}
	return out
}
