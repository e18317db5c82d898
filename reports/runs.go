package reports

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
)

// RunRows lists runs as rows of a table, its heading first.
func RunRows(runs []harness.RunSummary) [][]string {
	rows := [][]string{{"RUN", "STARTED", "DEVICES", "CASES", "SESSIONS", "ITERATIONS", "OUTCOME"}}
	noted := slices.ContainsFunc(runs, func(r harness.RunSummary) bool { return len(r.Notes) > 0 })
	if noted {
		rows[0] = append(rows[0], "NOTES")
	}
	for _, r := range runs {
		var cases []string
		for _, c := range r.Run.Plan.Cases {
			cases = append(cases, c.Model.Name+"/"+c.Scenario.Name)
		}
		devices := strings.Join(r.Run.Plan.DeviceNames(), ", ")
		if r.Run.Synthetic {
			devices += " (synthetic)"
		}
		var notes []string
		for _, n := range r.Notes {
			notes = append(notes, n.Text)
		}
		row := []string{r.Run.ID, r.Run.Start.UTC().Format("2006-01-02 15:04"), devices, firstFew(cases),
			fmt.Sprintf("%d of %d", r.Ended, len(r.Run.Plan.Sessions)), fmt.Sprintf("%d of %d", r.Measured, r.Planned), outcomeCounts(r)}
		if noted {
			row = append(row, strings.Join(notes, "; "))
		}
		rows = append(rows, row)
	}
	return rows
}

// firstFew lists the first of many names.
func firstFew(names []string) string {
	const few = 2
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// outcomeCounts sums up how a run's sessions ended.
func outcomeCounts(r harness.RunSummary) string {
	var parts []string
	for outcome, n := range r.Outcomes {
		parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
	}
	slices.Sort(parts)
	if left := len(r.Run.Plan.Sessions) - r.Ended; left > 0 {
		parts = append(parts, fmt.Sprintf("%d not ended", left))
	}
	return strings.Join(parts, ", ")
}
