package reports

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lilims/bench/harness"
)

// Text writes the table for a terminal.
func (r Report) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s  %s\n", r.Recorded.Run.ID, r.when())
	for _, c := range r.Cases {
		b.WriteString("\n")
		c.text(&b)
	}
	if len(r.Cases) == 0 {
		b.WriteString("\nno session began\n")
	}
	r.textCrossChecks(&b)
	r.textNotices(&b)
	_, err := io.WriteString(w, harness.Printable(b.String()))
	return err
}

// when says when the run was and how long it took.
func (r Report) when() string {
	text := moment(r.Recorded.Run.Start)
	if end := r.Recorded.Run.End; end != nil {
		text += ", " + span(end.Sub(r.Recorded.Run.Start))
	} else {
		text += ", not finished"
	}
	return text
}

func (c Case) text(b *strings.Builder) {
	fmt.Fprintf(b, "%s\n", c.title())
	if m := mark(c.Case.Device.Kind); m != "" {
		fmt.Fprintf(b, "  %s\n", m)
	}
	fmt.Fprintf(b, "  %d of %s measured in %s; thermal state %s\n\n", c.Measured, harness.Count(c.Planned, "iteration"),
		harness.Count(len(c.Sessions), "session"), c.thermal())
	rows := [][]string{{"figure", "median", "unit", "range", "95 % interval", "n", ""}}
	for _, f := range c.Figures {
		if f.Absent != "" {
			continue
		}
		rows = append(rows, []string{f.Label, f.value(), f.unit(), f.spread(), f.interval(), f.count(), f.remark()})
	}
	if len(rows) > 1 {
		writeTable(b, rows, []bool{false, true, false, true, true, true, false})
	}
	if few := c.few(); few != "" {
		fmt.Fprintf(b, "\n  %s\n", few)
	}
	c.textAbsent(b)
	for _, one := range c.curves() {
		one.text(b)
	}
	for _, end := range c.Ends {
		fmt.Fprintf(b, "\n  session %s: %s", end.Session, end.Outcome)
		if end.Reason != "" {
			fmt.Fprintf(b, ": %s", end.Reason)
		}
	}
	if len(c.Ends) > 0 {
		b.WriteString("\n")
	}
}

// textAbsent lists what could not be measured, each with its reason.
func (c Case) textAbsent(b *strings.Builder) {
	var rows [][]string
	for _, f := range c.Figures {
		if f.Absent != "" {
			rows = append(rows, []string{f.Label, f.Absent})
		}
	}
	if len(rows) == 0 {
		return
	}
	if len(rows) < len(c.Figures) {
		b.WriteString("\n")
	}
	b.WriteString("  not measured\n")
	writeTable(b, rows, []bool{false, false})
}

func (r Report) textNotices(b *strings.Builder) {
	if len(r.Recorded.Notices) == 0 {
		return
	}
	b.WriteString("\nnotices\n")
	for _, n := range r.Recorded.Notices {
		session := ""
		if n.Session != "" {
			session = n.Session + ": "
		}
		fmt.Fprintf(b, "  %s  %s%s: %s\n", n.Notice.At.UTC().Format("15:04:05"), session, n.Notice.What, n.Notice.Text)
	}
}

// writeTable writes rows in columns of equal width, indented; right says which columns align right. Columns that are
// empty in every row but the first are left out.
func writeTable(b *strings.Builder, rows [][]string, right []bool) {
	widths := make([]int, len(right))
	used := make([]bool, len(right))
	for n, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			used[i] = used[i] || cell != "" && (n > 0 || len(rows) == 1)
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if !used[i] {
				continue
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				line.WriteString("  " + pad + cell)
			} else {
				line.WriteString("  " + cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
