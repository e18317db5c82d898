package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
)

// Markdown writes a table with the worst first, for a pull request or a step summary.
func (all Verdicts) Markdown(w io.Writer) error {
	var b strings.Builder
	counts := all.counts()
	fmt.Fprintf(&b, "## Benchmark gate: %s\n\n%d failed, %d inconclusive, %d passed.\n\n", all.headline(), counts[compare.Failed],
		counts[compare.Undecided], counts[compare.Passed])
	b.WriteString("| case | metric | verdict | change | interval | pairs | noise | remarks |\n|:--|:--|:--|--:|--:|--:|--:|:--|\n")
	for _, result := range []compare.Result{compare.Failed, compare.Undecided, compare.Passed} {
		for _, v := range all {
			if compare.ResultOf(v.Judgement) != result {
				continue
			}
			name := escapeMarkdown(judgement(v.Judgement))
			if result != compare.Passed || v.Judgement == harness.Improvement {
				name = "**" + name + "**"
			}
			cells := []string{escapeMarkdown(v.Case), label(v.Metric), name, change(v), interval(v), fmt.Sprint(v.Pairs), share(v.Noise),
				escapeMarkdown(harness.PrintableLine(v.Reason))}
			if inTable(v) {
				cells[3], cells[4], cells[5], cells[6] = "", "", "", ""
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}
