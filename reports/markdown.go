package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
)

// Markdown writes the tables for a pull request's comment or a wiki.
func (r Report) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Run %s\n\n%s, host %s, harness %s\n", escapeMarkdown(r.Recorded.Run.ID), r.when(),
		escapeMarkdown(r.Recorded.Run.Host), escapeMarkdown(r.Recorded.Run.Revision))
	for _, c := range r.Cases {
		c.markdown(&b)
	}
	if len(r.Cases) == 0 {
		b.WriteString("\nNo session began.\n")
	}
	r.markdownCrossChecks(&b)
	if len(r.Recorded.Notices) > 0 {
		b.WriteString("\n## Notices\n\n")
		for _, n := range r.Recorded.Notices {
			session := ""
			if n.Session != "" {
				session = "`" + n.Session + "` "
			}
			fmt.Fprintf(&b, "- %s %s%s: %s\n", n.Notice.At.UTC().Format("15:04:05"), session, n.Notice.What, escapeMarkdown(n.Notice.Text))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c Case) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n", escapeMarkdown(c.title()))
	if m := mark(c.Case.Device.Kind); m != "" {
		fmt.Fprintf(b, "> **%s**\n\n", m)
	}
	fmt.Fprintf(b, "%d of %s measured in %s; thermal state %s.\n\n", c.Measured, harness.Count(c.Planned, "iteration"),
		harness.Count(len(c.Sessions), "session"), c.thermal())
	b.WriteString("| figure | median | range | 95 % interval | n | |\n|:--|--:|--:|--:|--:|:--|\n")
	for _, f := range c.Figures {
		cells := []string{f.Label, strings.TrimSpace(f.value() + " " + f.unit()), f.spread(), f.interval(), f.count(), f.remark()}
		for i := range cells {
			cells[i] = escapeMarkdown(cells[i])
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	if few := c.few(); few != "" {
		fmt.Fprintf(b, "\n%s\n", few)
	}
	for _, one := range c.curves() {
		b.WriteString("\n```\n")
		one.text(b)
		b.WriteString("```\n")
	}
	for _, end := range c.Ends {
		fmt.Fprintf(b, "\n- session `%s`: **%s** %s", end.Session, end.Outcome, escapeMarkdown(end.Reason))
	}
	if len(c.Ends) > 0 {
		b.WriteString("\n")
	}
}

// escapeMarkdown keeps foreign text from becoming markup: device names and reasons come from outside.
var markdownEscapes = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "<", "&lt;", "[", "\\[", "\n", " ", "\r", " ",
)

func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }
