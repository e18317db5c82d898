package reports

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/trend"
)

// trendSchema is the version of the histories' JSON (docs/json.md).
const trendSchema = 1

// Histories are what `bench trend` found.
type Histories []trend.CaseHistory

// Text writes each history: its stretches with their changes and outliers.
func (all Histories) Text(w io.Writer) error {
	var b strings.Builder
	for _, h := range all {
		historyText(&b, h)
	}
	_, err := io.WriteString(w, harness.Printable(b.String()))
	return err
}

func historyText(b *strings.Builder, h trend.CaseHistory) {
	m, _ := harness.MetricNamed(h.Metric)
	fmt.Fprintf(b, "%s  %s  %s\n", h.Case, harness.PrintableLine(h.Device), label(h.Metric))
	for _, s := range h.Stretches {
		if len(s.Changed) > 0 {
			fmt.Fprintf(b, "  -- not compared across: %s\n", harness.PrintableLine(strings.Join(s.Changed, ", ")))
		}
		first, last := s.Nights[0], s.Nights[len(s.Nights)-1]
		fmt.Fprintf(b, "  %s to %s: %s, latest %s", first.Night, last.Night, harness.Count(len(s.Nights), "night"),
			harness.Quantity(h.Unit, last.Value))
		if s.Sigma > 0 {
			fmt.Fprintf(b, ", night-to-night noise %s", harness.Percent(s.Sigma))
		}
		b.WriteString("\n")
		if few := fewNights(len(s.Nights)); few != "" {
			fmt.Fprintf(b, "    %s\n", few)
		}
		for _, c := range s.Changes {
			scale := harness.ScaleFor(h.Unit, c.After)
			fmt.Fprintf(b, "    from %s: %s → %s, %s%s\n", c.Night, scale.Number(c.Before), scale.With(c.After),
				m.ChangeText(m.Change(c.Change)), provisional(c.Provisional))
		}
		for _, n := range s.Nights {
			if n.Outlier {
				fmt.Fprintf(b, "    %s: outlier, %s\n", n.Night, harness.Quantity(h.Unit, n.Value))
			}
		}
	}
}

func provisional(is bool) string {
	if is {
		return ", provisional"
	}
	return ""
}

// fewNights says that a history is too short to look for changes; "": it is not.
func fewNights(nights int) string {
	if nights >= trend.Minimum {
		return ""
	}
	return fmt.Sprintf("%s: at least %d are needed to look for changes", harness.Count(nights, "night"), trend.Minimum)
}

// JSON writes the histories for programs. A year of a lab is tens of megabytes, so they are encoded on as many processors
// as there are.
func (all Histories) JSON(w io.Writer) error {
	texts := make([][]byte, len(all))
	var workers errgroup.Group
	workers.SetLimit(runtime.GOMAXPROCS(0))
	for i := range all {
		workers.Go(func() (err error) {
			texts[i], err = json.MarshalIndent(all[i], "    ", "  ")
			return err
		})
	}
	if err := workers.Wait(); err != nil {
		return err
	}
	out := bufio.NewWriter(w) // whose first error is that of Flush
	fmt.Fprintf(out, "{\n  \"schema\": %d,\n  \"histories\": [", trendSchema)
	for i, text := range texts {
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprint(out, "\n    ")
		fmt.Fprintf(out, "%s", text)
	}
	fmt.Fprint(out, "\n  ]\n}\n")
	return out.Flush()
}

// SeriesTrend is what was found in a history from somewhere else, whose metric is not known.
type SeriesTrend struct {
	trend.Series
	trend.Found
}

// Text writes the changes, with nights counted from 0 as in the series.
func (t SeriesTrend) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, outliers %v\n", t.Name, harness.Count(len(t.Values), "night"), harness.Count(len(t.Changes),
		"change"), t.Outliers)
	for _, c := range t.Changes {
		fmt.Fprintf(&b, "  night %d: %s → %s, %s%s\n", c.Index, harness.Significant(c.Before, 4), harness.Significant(c.After, 4),
			harness.SignedPercent(c.After/c.Before-1), provisional(c.Provisional))
	}
	if few := fewNights(len(t.Values)); few != "" {
		fmt.Fprintf(&b, "  warning: %s\n", few)
	}
	_, err := io.WriteString(w, harness.Printable(b.String()))
	return err
}

// seriesTrendJSON is a found trend for programs; indexes count from 0.
type seriesTrendJSON struct {
	Schema   int          `json:"schema"`
	Name     string       `json:"name"`
	Changes  []changeJSON `json:"changes"`
	Outliers []int        `json:"outliers"`
	Sigma    float64      `json:"sigma"`
	Phi      float64      `json:"phi"`
	Warning  string       `json:"warning,omitempty"`
}

type changeJSON struct {
	Index       int     `json:"index"`
	Before      float64 `json:"before"`
	After       float64 `json:"after"`
	Change      float64 `json:"change"` // relative
	Provisional bool    `json:"provisional"`
}

// JSON writes the same for programs.
func (t SeriesTrend) JSON(w io.Writer) error {
	out := seriesTrendJSON{Schema: trendSchema, Name: t.Name, Changes: []changeJSON{}, Outliers: append([]int{}, t.Outliers...),
		Sigma: t.Sigma, Phi: t.Phi, Warning: fewNights(len(t.Values))}
	for _, c := range t.Changes {
		out.Changes = append(out.Changes, changeJSON{c.Index, c.Before, c.After, c.After/c.Before - 1, c.Provisional})
	}
	return Indented(w, out)
}
