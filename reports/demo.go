package reports

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/demo"
)

// Demo says what the demo recorded, what to type next, and in its last line in which folder everything is.
func Demo(w io.Writer, s demo.Story, folder string) error {
	var text strings.Builder
	fmt.Fprintf(&text, "SIMULATED: every figure comes from a model; nothing was measured on a phone.\n"+
		"%s: %d nights of two simulated phones in three cases, from %s\n\n", harness.Count(s.Runs, "run"), demo.Nights, day(s.First))
	fmt.Fprintf(&text, "  outlier night      %s\n", day(s.Odd))
	fmt.Fprintf(&text, "  nightly build      %.0f %% slower from %s\n", 100*(1-demo.StepSpeed), day(s.Step))
	fmt.Fprintf(&text, "  OS update          from %s, %s\n", day(s.Update), s.Updated)
	fmt.Fprintf(&text, "  inconclusive gate  %s, candidate %.0f %% slower\n\nNext:\n", s.Gate, 100*(1-demo.GateSpeed))
	for _, command := range DemoCommands(folder) {
		fmt.Fprintf(&text, "  %s\n", command)
	}
	fmt.Fprintf(&text, "\ndata  %s\n", folder)
	_, err := io.WriteString(w, text.String())
	return err
}

// DemoCommands are the command lines, for a shell, that show the demo in a folder.
func DemoCommands(folder string) []string {
	data := " --data " + shellWord(folder)
	return []string{
		"bench runs --limit 5" + data,
		"bench trend --metric decode" + data,
		"bench compare latest" + data,
		"bench report latest" + data,
		"bench report --all" + data,
	}
}

func day(at time.Time) string { return at.UTC().Format(time.DateOnly) }

// shellWord is a text as one word of a shell's command line.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
