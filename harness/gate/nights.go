package gate

import (
	"slices"
	"time"

	"github.com/lilims/bench/harness"
)

// Nights groups sessions of one build into nights, oldest first, at most the latest so many. What the rule does not
// count is left out.
func Nights(metric harness.Metric, sessions []harness.SessionSeries, most int) []harness.BaselineNight {
	kept, _ := usable(metric, harness.ArmCandidate, sessions)
	byDate := map[string]*harness.BaselineNight{}
	var dates []string
	for _, s := range kept {
		date := s.Begin.At.UTC().Format(time.DateOnly)
		if byDate[date] == nil {
			byDate[date] = &harness.BaselineNight{Night: date}
			dates = append(dates, date)
		}
		night := byDate[date]
		night.Sessions = append(night.Sessions, s.Values)
		if !slices.Contains(night.Runs, s.Run) {
			night.Runs = append(night.Runs, s.Run)
		}
	}
	slices.Sort(dates)
	var out []harness.BaselineNight
	for _, date := range dates[max(0, len(dates)-most):] {
		out = append(out, *byDate[date])
	}
	return out
}
