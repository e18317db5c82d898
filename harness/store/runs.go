package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
)

// Runs lists the runs, the latest first.
func (s *Store) Runs(ctx context.Context) ([]harness.RunSummary, error) {
	var out []harness.RunSummary
	err := s.eachRun(ctx, func(r harness.RunSummary) (enough bool) {
		out = append(out, r)
		return false
	})
	return out, err
}

// eachRun tells the runs, the latest first, until that is enough.
func (s *Store) eachRun(ctx context.Context, tell func(harness.RunSummary) (enough bool)) error {
	return s.snapshot(ctx, "list runs", func(q querier) error {
		names, err := q.names()
		if err != nil {
			return err
		}
		for _, name := range names {
			id, run, err := q.run(name)
			if err != nil {
				return err
			}
			summary := harness.RunSummary{Run: run, Outcomes: map[harness.Outcome]int{}}
			if summary.Notes, err = q.notes(id); err != nil {
				return err
			}
			if err := q.tally(id, &summary); err != nil {
				return err
			}
			if tell(summary) {
				return nil
			}
		}
		return nil
	})
}

// tally counts a run's launches. A planned session that was launched again counts by its last attempt:
// the rule of [harness.LastAttempts], where the rows are.
func (q querier) tally(run int64, into *harness.RunSummary) error {
	return q.rows(`SELECT e.outcome, e.planned, e.measured FROM (SELECT max(id) AS id FROM sessions WHERE run = ? GROUP BY planned) s
		LEFT JOIN session_ends e ON e.session = s.id`, []any{run},
		func(scan func(...any) error) error {
			var outcome sql.NullString
			var planned, measured sql.NullInt64
			if err := scan(&outcome, &planned, &measured); err != nil {
				return err
			}
			into.Begun++
			if !outcome.Valid {
				return nil
			}
			into.Ended++
			into.Planned += int(planned.Int64)
			into.Measured += int(measured.Int64)
			into.Outcomes[harness.Outcome(outcome.String)]++
			return nil
		})
}

// Latest returns the name of the run that started last; with unfinished, of those that have planned sessions left: not
// made, cancelled, or lost with their device. No such run is an error of kind usage.
func (s *Store) Latest(ctx context.Context, unfinished bool) (string, error) {
	var latest string
	err := s.eachRun(ctx, func(r harness.RunSummary) bool {
		open := r.Ended < len(r.Run.Plan.Sessions) || r.Outcomes[harness.OutcomeDeviceLost] > 0 || r.Outcomes[harness.OutcomeCancelled] > 0
		if open || !unfinished {
			latest = r.Run.ID
		}
		return latest != ""
	})
	if err != nil || latest != "" {
		return latest, err
	}
	if unfinished {
		return "", &harness.Error{
			Kind: harness.KindUsage, Op: "find run", Err: errors.New("no run was interrupted"), Hint: "`bench runs` lists the runs",
		}
	}
	return "", noRun()
}

func noRun() error {
	return harness.UsageError("find run", "Make one with `bench run --device DEVICE`.", "no run is recorded yet")
}

// Cases returns every case that a launch was made of, on each device, as its latest launch found it, in the order of key
// and device.
func (s *Store) Cases(ctx context.Context) ([]harness.Case, error) {
	var out []harness.Case
	err := s.snapshot(ctx, "list cases", func(q querier) error {
		var latest []int64
		err := q.rows(`SELECT max(id) FROM sessions WHERE run NOT IN (SELECT run FROM hidden_runs) GROUP BY case_key, udid ORDER BY case_key, `+
			`udid`, nil, func(scan func(...any) error) error {
			var id int64
			err := scan(&id)
			latest = append(latest, id)
			return err
		})
		if err != nil {
			return err
		}
		for _, id := range latest {
			found, err := q.session(id)
			if err != nil {
				return err
			}
			out = append(out, found.begin.Case)
		}
		return nil
	})
	return out, err
}

// RunsLike returns the runs that a query selects, the latest first.
func (s *Store) RunsLike(ctx context.Context, query harness.RunQuery) ([]harness.RunSummary, error) {
	var out []harness.RunSummary
	err := s.eachRun(ctx, func(r harness.RunSummary) (enough bool) {
		if r.Run.Start.Before(query.Since) {
			return true
		}
		if slices.ContainsFunc(r.Run.Plan.Cases, func(c harness.Case) bool { return fits(c, query) }) {
			out = append(out, r)
		}
		return query.Limit > 0 && len(out) == query.Limit
	})
	return out, err
}

// fits reports whether a case is one that the query selects.
func fits(c harness.Case, query harness.RunQuery) bool {
	contains := func(word string, names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(word)) })
	}
	d := c.Device
	return contains(
		query.Device, d.Name, strings.ReplaceAll(d.Name, " ", ""), d.UDID, d.ProductType,
	) && contains(query.Model, c.Model.Name) && contains(query.Scenario, c.Scenario.Name)
}
