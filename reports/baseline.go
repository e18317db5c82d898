package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/baseline"
)

// Accepted names the baselines that were written.
func Accepted(w io.Writer, accepted []baseline.Stored) error {
	var b strings.Builder
	for _, s := range accepted {
		fmt.Fprintf(&b, "%s: %s\n", s.Path, baselineSize(s.Baseline))
	}
	return printable(w, &b)
}

// Baselines lists stored baselines, one a line.
func Baselines(w io.Writer, all []baseline.Stored) error {
	rows := [][]string{{"FILE", "CASE", "BUILD", "NIGHTS", "ACCEPTED", "BY", "REASON"}}
	for _, s := range all {
		rows = append(rows, []string{s.Path, s.Case, shortHash(s.Build.Hash), strconv.Itoa(baseline.SizeOf(s.Baseline).Nights),
			s.AcceptedAt.Format(time.DateOnly), s.AcceptedBy, s.Reason})
	}
	return Columns(w, rows)
}

// BaselineMedians shows what baselines hold: the median of each metric.
func BaselineMedians(w io.Writer, all []baseline.Stored) error {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%s\n  %s\n  %s, revision %s; accepted %s by %s: %s\n", harness.PrintableLine(s.Case), harness.PrintableLine(s.Path),
			baselineSize(s.Baseline), harness.PrintableLine(s.Build.Revision), s.AcceptedAt.Format(time.DateOnly),
			harness.PrintableLine(s.AcceptedBy), harness.PrintableLine(s.Reason))
		var rows [][]string
		for _, m := range harness.Metrics() {
			if nights := s.Series[m.Name]; len(nights) > 0 {
				rows = append(rows, []string{m.Label, harness.Quantity(m.Unit, baseline.Median(nights)), harness.Count(len(nights), "night")})
			}
		}
		writeTable(&b, rows, []bool{false, true, false})
	}
	return printable(w, &b)
}

// BaselineDiff shows what accepting proposed baselines would change.
func BaselineDiff(w io.Writer, differences []baseline.Difference) error {
	var b strings.Builder
	for _, d := range differences {
		fmt.Fprintf(&b, "%s\n", harness.PrintableLine(d.Proposed.Case))
		if d.Old == nil {
			fmt.Fprintf(&b, "  new: %s\n", baselineSize(d.Proposed.Baseline))
			continue
		}
		fmt.Fprintf(&b, "  - %s\n  + %s\n", baselineSize(*d.Old), baselineSize(d.Proposed.Baseline))
		if len(d.Differs) > 0 {
			fmt.Fprintf(&b, "  not comparable: %s\n", harness.PrintableLine(strings.Join(d.Differs, ", ")))
		}
		var rows [][]string
		for _, change := range d.Metrics {
			rows = append(rows, baselineChange(change))
		}
		writeTable(&b, rows, []bool{false, true, true, false})
	}
	return printable(w, &b)
}

func baselineChange(c baseline.MetricChange) []string {
	row := []string{c.Metric.Label, "—", "—", ""}
	if c.Was != nil {
		row[1] = harness.Quantity(c.Metric.Unit, *c.Was)
	}
	if c.Is != nil {
		row[2] = harness.Quantity(c.Metric.Unit, *c.Is)
	}
	if c.Was != nil && c.Is != nil {
		row[3] = c.Metric.ChangeText(c.Metric.Change(*c.Is / *c.Was - 1))
	}
	return row
}

// baselineSize is a baseline in one line.
func baselineSize(b harness.Baseline) string {
	size := baseline.SizeOf(b)
	return fmt.Sprintf("build %s, %s, %s, %s", shortHash(b.Build.Hash), harness.Count(size.Nights, "night"), harness.Count(size.Sessions,
		"session"), harness.Count(size.Metrics, "metric"))
}

func shortHash(hash string) string { return harness.PrintableLine(hash[:min(len(hash), 22)]) }

func printable(w io.Writer, b *strings.Builder) error {
	_, err := io.WriteString(w, harness.Printable(b.String()))
	return err
}
