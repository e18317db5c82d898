package store

import (
	"context"
	"database/sql"
	"errors"

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
		var names []string
		err := q.rows(`SELECT name FROM runs ORDER BY start_at DESC, id DESC`, nil, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			names = append(names, name)
			return err
		})
		if err != nil {
			return err
		}
		for _, name := range names {
			id, run, err := q.run(name)
			if err != nil {
				return err
			}
			summary := harness.RunSummary{Run: run, Outcomes: map[harness.Outcome]int{}}
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

// tally counts a run's launches. A planned session that was launched again counts by its last attempt.
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
		return "", &harness.Error{Kind: harness.KindUsage, Op: "find run", Err: errors.New("no run was cut off"), Hint: "`bench runs` lists the runs"}
	}
	return "", &harness.Error{Kind: harness.KindUsage, Op: "find run", Err: errors.New("no run is recorded yet"),
		Hint: "make one with `bench run --device DEVICE`"}
}

// Cases returns every case that a launch was made of, on each unit, as its latest launch found it, in the order of key
// and unit.
func (s *Store) Cases(ctx context.Context) ([]harness.Case, error) {
	var out []harness.Case
	err := s.snapshot(ctx, "list cases", func(q querier) error {
		var latest []int64
		err := q.rows(`SELECT max(id) FROM sessions GROUP BY case_key, udid ORDER BY case_key, udid`, nil, func(scan func(...any) error) error {
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
