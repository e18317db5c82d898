package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// Runs lists the runs, the latest first.
func (s *Store) Runs(ctx context.Context) ([]harness.RunSummary, error) {
	var out []harness.RunSummary
	err := s.snapshot(ctx, "list runs", func(q querier) error {
		var ids []int64
		err := q.rows(`SELECT id, document, (SELECT max(at) FROM run_ends WHERE run = runs.id) FROM runs ORDER BY start_at DESC, id DESC`, nil,
			func(scan func(...any) error) error {
				var id int64
				var document string
				var end sql.NullInt64
				if err := scan(&id, &document, &end); err != nil {
					return err
				}
				run, err := readRun(document, end)
				if err != nil {
					return err
				}
				ids = append(ids, id)
				out = append(out, harness.RunSummary{Run: run, Outcomes: map[harness.Outcome]int{}})
				return nil
			})
		if err != nil {
			return err
		}
		for i, id := range ids {
			if err := q.tally(id, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// tally counts a run's launches. A planned session that was launched again counts by its last attempt.
func (q querier) tally(run int64, into *harness.RunSummary) error {
	return q.rows(`SELECT e.outcome, e.planned, e.measured FROM sessions s LEFT JOIN session_ends e ON e.session = s.id
		WHERE s.run = ?1 AND s.id = (SELECT max(id) FROM sessions l WHERE l.run = ?1 AND l.planned = s.planned)`, []any{run},
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

// Latest returns the name of the run that started last; with unfinished, of those that have planned sessions left: not made, cancelled, or
// lost with their device. No
// such run is an error of kind usage.
func (s *Store) Latest(ctx context.Context, unfinished bool) (string, error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range runs {
		open := r.Ended < len(r.Run.Plan.Sessions) || r.Outcomes[harness.OutcomeDeviceLost] > 0 || r.Outcomes[harness.OutcomeCancelled] > 0
		if open || !unfinished {
			return r.Run.ID, nil
		}
	}
	if unfinished {
		return "", &harness.Error{Kind: harness.KindUsage, Op: "find run", Err: errors.New("no run was cut off"), Hint: "`bench runs` lists the runs"}
	}
	return "", &harness.Error{Kind: harness.KindUsage, Op: "find run", Err: errors.New("no run is recorded yet"),
		Hint: "make one with `bench run --device DEVICE`"}
}

// SeriesQuery selects launches. Empty fields select all.
type SeriesQuery struct {
	Case   string // harness.Case.Key
	UDID   string
	Metric string // one metric, required
	Arm    harness.Arm
	Run    string
	Since  time.Time
}

// Series returns the kept readings of one metric, launch by launch in the order in which they began. A launch without
// any is left out. Of a planned session only the last attempt counts.
func (s *Store) Series(ctx context.Context, query SeriesQuery) ([]harness.SessionSeries, error) {
	if query.Metric == "" {
		return nil, &harness.Error{Kind: harness.KindUsage, Op: "read series", Err: errors.New("no metric is named")}
	}
	var out []harness.SessionSeries
	where, args := query.conditions()
	err := s.snapshot(ctx, "read series", func(q querier) error {
		var last int64
		return q.rows(`SELECT s.id, r.name, s.document, m.value, m.uncertainty, u.text, i.number, i.warmup, i.outcome
			FROM sessions s
			JOIN runs r ON r.id = s.run
			JOIN samples m ON m.session = s.id AND m.metric = (SELECT id FROM words WHERE text = ?)
			JOIN words u ON u.id = m.unit
			LEFT JOIN iterations i ON i.session = s.id AND i.number = m.iteration
			WHERE `+where+`
			AND NOT EXISTS (SELECT 1 FROM sessions l WHERE l.run = s.run AND l.planned = s.planned AND l.id > s.id)
			AND (m.iteration IS NULL OR i.number IS NOT NULL)
			ORDER BY s.at, s.id, m.id`, append([]any{query.Metric}, args...),
			func(scan func(...any) error) error { return appendSeries(scan, query.Metric, &last, &out) })
	})
	return out, err
}

// conditions spells what the query selects. Only what is asked for is said, so that SQLite can use an index for it.
func (query SeriesQuery) conditions() (where string, args []any) {
	terms := []string{"true"}
	add := func(term string, arg any) { terms, args = append(terms, term), append(args, arg) }
	if query.Case != "" {
		add("s.case_key = ?", query.Case)
	}
	if query.UDID != "" {
		add("s.udid = ?", query.UDID)
	}
	if query.Arm != "" {
		add("s.arm = ?", string(query.Arm))
	}
	if query.Run != "" {
		add("r.name = ?", query.Run)
	}
	if !query.Since.IsZero() {
		add("s.at >= ?", query.Since.UnixNano())
	}
	return strings.Join(terms, " AND "), args
}

// appendSeries adds one reading to the series of its launch. last is the launch of the reading before.
func appendSeries(scan func(...any) error, metric string, last *int64, out *[]harness.SessionSeries) error {
	var id int64
	var run, document, unit string
	var value float64
	var uncertainty sql.NullFloat64
	var number sql.NullInt64
	var warmup sql.NullBool
	var outcome sql.NullString
	if err := scan(&id, &run, &document, &value, &uncertainty, &unit, &number, &warmup, &outcome); err != nil {
		return err
	}
	if number.Valid && !harness.Keeps(metric, harness.Iteration{Warmup: warmup.Bool, Outcome: harness.Outcome(outcome.String)}) {
		return nil
	}
	if len(*out) == 0 || *last != id {
		series := harness.SessionSeries{Run: run, Unit: unit}
		if err := json.Unmarshal([]byte(document), &series.Begin); err != nil {
			return fmt.Errorf("a stored session is torn: %w", err)
		}
		*out = append(*out, series)
		*last = id
	}
	series := &(*out)[len(*out)-1]
	if series.Unit != unit {
		return fmt.Errorf("session %s has %s in %s and in %s", series.Begin.ID, metric, series.Unit, unit)
	}
	series.Values = append(series.Values, value)
	if uncertainty.Valid && (series.Uncertainty == nil || uncertainty.Float64 > *series.Uncertainty) {
		series.Uncertainty = &uncertainty.Float64
	}
	return nil
}
