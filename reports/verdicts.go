package reports

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/gate"
)

// Verdicts are the verdicts of a comparison, sorted by case. People read the signed change of a metric's own value with the
// word better or worse beside it; programs read the JSON, where positive is worse.
type Verdicts []gate.Judged

// claim is what regression and pass say, and of what.
const claim = "Regression: the estimated loss exceeds the threshold, and at an error rate of 5 % it is above the guard (0.8 of the\n" +
	"threshold; with --strict the threshold itself). Pass: at an error rate of 5 % the loss is below the threshold.\n" +
	"Both apply to the measured devices only.\n"

// Text writes a table for each case, then the remarks, each once with the metrics that it is about.
func (all Verdicts) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	last, colours := "", paintFor(w)
	for _, v := range all {
		if v.Case != last {
			fmt.Fprintf(table, "%s\n", harness.PrintableLine(v.Case))
			last = v.Case
		}
		if inTable(v) {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", label(v.Metric), colours.judgement(v.Judgement), harness.PrintableLine(v.Reason))
			continue
		}
		cells := []string{label(v.Metric), colours.judgement(v.Judgement), change(v), interval(v), harness.Count(
			v.Pairs, "pair",
		), "noise " + share(v.Noise),
			fmt.Sprintf("threshold %.0f %%", 100*v.Threshold)}
		fmt.Fprintf(table, "  %s\n", strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, remark := range all.remarks() {
		fmt.Fprintf(w, "  %s\n", harness.PrintableLine(remark))
	}
	_, err := io.WriteString(w, claim)
	return err
}

// inTable reports whether a verdict's reason stands in the table: there is no estimate of a change.
func inTable(v gate.Judged) bool { return v.Limit != nil || v.Estimate == nil }

// remarks are the reasons and warnings that do not stand in the table, each with the metrics that it is about.
func (all Verdicts) remarks() []string {
	var order, out []string
	about := map[string][]string{}
	for _, v := range all {
		for _, remark := range append([]string{v.Reason}, v.Warnings...) {
			if remark == "" || inTable(v) && remark == v.Reason {
				continue
			}
			if about[remark] == nil {
				order = append(order, remark)
			}
			about[remark] = append(about[remark], label(v.Metric))
		}
	}
	for _, remark := range order {
		metrics := strings.Join(about[remark], "; ") // labels have commas
		if len(about[remark]) == len(all) && len(all) > 1 {
			metrics = "all"
		}
		out = append(out, metrics+": "+remark)
	}
	return out
}

// SeriesVerdict writes the verdict of one series whose metric need not be one of ours.
func SeriesVerdict(w io.Writer, metric harness.Metric, v gate.Judged) error {
	var b strings.Builder
	if v.Estimate != nil {
		fmt.Fprintf(&b, ", %s", metric.ChangeText(*v.Estimate))
	}
	if v.Low != nil {
		fmt.Fprintf(&b, " %s", intervalOf(metric, v))
	}
	fmt.Fprintf(&b, ", %s, threshold %.0f %%\n", harness.Count(v.Pairs, "pair"), 100*v.Threshold)
	if v.Reason != "" {
		fmt.Fprintf(&b, "  %s\n", v.Reason)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(&b, "  warning: %s\n", warning)
	}
	_, err := fmt.Fprintf(w, "%s, %s: %s%s", harness.PrintableLine(v.Case), harness.PrintableLine(metric.Label),
		paintFor(w).judgement(v.Judgement), harness.Printable(b.String()))
	return err
}

// line is a verdict in one line.
func line(v gate.Judged) string {
	parts := []string{judgement(v.Judgement)}
	if v.Estimate != nil && v.Limit == nil {
		parts = append(parts, fmt.Sprintf("%s %s at a threshold of %.0f %%, %s", change(v), interval(v), 100*v.Threshold,
			harness.Count(v.Pairs, "pair")))
	}
	for _, remark := range append([]string{v.Reason}, v.Warnings...) {
		if remark != "" {
			parts = append(parts, harness.PrintableLine(remark))
		}
	}
	return strings.Join(parts, "; ")
}

// judgement is a verdict's answer for people: "near threshold". Programs read near_threshold.
func judgement(j harness.Judgement) string { return strings.ReplaceAll(string(j), "_", " ") }

// nothing stands in a cell for a figure that is absent.
const nothing = "—"

func change(v gate.Judged) string {
	if v.Estimate == nil {
		return nothing
	}
	m, _ := harness.MetricNamed(v.Metric)
	return m.ChangeText(*v.Estimate)
}

func interval(v gate.Judged) string {
	m, _ := harness.MetricNamed(v.Metric)
	return intervalOf(m, v)
}

// intervalOf prints the interval of the change of the metric's own value, its lower end first.
func intervalOf(m harness.Metric, v gate.Judged) string {
	if v.Low == nil || v.High == nil {
		return nothing
	}
	low, high := m.Change(*v.Low), m.Change(*v.High)
	return fmt.Sprintf("[%s, %s]", harness.SignedPercent(min(low, high)), harness.SignedPercent(max(low, high)))
}

// share prints a ratio that has no sign.
func share(x *float64) string {
	if x == nil {
		return nothing
	}
	return harness.Percent(*x)
}

// headline sums verdicts up in one word or two.
func (all Verdicts) headline() string {
	switch compare.Worst(all) {
	case compare.Failed:
		return "regression"
	case compare.Undecided:
		return "inconclusive"
	}
	return "pass"
}

// counts are how many verdicts have each result.
func (all Verdicts) counts() map[compare.Result]int {
	out := map[compare.Result]int{}
	for _, v := range all {
		out[compare.ResultOf(v.Judgement)]++
	}
	return out
}
