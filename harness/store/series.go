package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
)

// Series returns the kept readings of one metric, launch by launch in the order in which they began. A launch without
// any is left out. Of a planned session only the last attempt counts. A begin comes without the device's state.
func (s *Store) Series(ctx context.Context, query harness.SeriesQuery) ([]harness.SessionSeries, error) {
	if query.Metric == "" {
		return nil, &harness.Error{Kind: harness.KindUsage, Op: "read series", Err: errors.New("no metric is named")}
	}
	of, err := s.SeriesOf(ctx, query, query.Metric)
	return of[query.Metric], err
}

// SeriesOf returns what Series does, of several metrics in one pass over the launches; of every recorded metric where
// none is named.
func (s *Store) SeriesOf(ctx context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error) {
	out := map[string][]harness.SessionSeries{}
	err := s.snapshot(ctx, "read series", func(q querier) error {
		pass, err := q.pass(query, metrics)
		if err != nil {
			return err
		}
		if query.Paired {
			paired, pairedErr := q.anyBaseline(query)
			if pairedErr != nil || !paired {
				return pairedErr
			}
		}
		launches, err := q.launches(query, pass)
		if err != nil {
			return err
		}
		launches = harness.LastAttempts(launches, func(l **launched) (place, int) {
			return place{(*l).run, (*l).begin.Planned.ID}, (*l).begin.Attempt
		})
		for _, m := range metrics {
			out[m] = make([]harness.SessionSeries, 0, len(launches))
		}
		for _, l := range launches {
			if err := q.collect(l, pass, out); err != nil {
				return fmt.Errorf("session %s: %w", l.begin.ID, err)
			}
		}
		return nil
	})
	for metric, series := range out {
		if len(series) == 0 {
			delete(out, metric)
		}
	}
	return out, err
}

// place is a planned session of a run.
type place struct {
	run     int64
	planned string
}

// pass is one reading of series: what is wanted, and the words by their numbers.
type pass struct {
	summary bool
	wanted  map[string]bool // nil: all
	words   map[int64]string
}

func (p pass) wants(metric string) bool    { return p.wanted == nil || p.wanted[metric] }
func (p pass) wantsWord(metric int64) bool { return p.wants(p.words[metric]) }

func (q querier) pass(query harness.SeriesQuery, metrics []string) (pass, error) {
	p := pass{summary: query.Summary, words: map[int64]string{}}
	for _, m := range metrics {
		if p.wanted == nil {
			p.wanted = map[string]bool{}
		}
		p.wanted[m] = true
	}
	err := q.rows(`SELECT id, text FROM words`, nil, func(scan func(...any) error) error {
		var id int64
		var text string
		err := scan(&id, &text)
		p.words[id] = text
		return err
	})
	return p, err
}

// launches reads the launches that a query selects, in the order in which they began.
func (q querier) launches(query harness.SeriesQuery, p pass) ([]*launched, error) {
	where, args := conditions(query)
	var out []*launched
	row := newLaunchRow(p.wantsWord)
	err := q.rows(`SELECT `+launchColumns+` FROM `+launchTables+` WHERE `+where+` ORDER BY s.at, s.run, s.id`, args,
		func(scan func(...any) error) error {
			if err := scan(row.columns...); err != nil {
				return err
			}
			l, err := q.launch(row)
			if err != nil {
				return fmt.Errorf("the stored session %s is corrupt: %w", row.name, err)
			}
			l.begin.State = nil
			out = append(out, l)
			return nil
		})
	return out, err
}

// anyBaseline reports whether the case has launches of a baseline at all, on the unit: most never do.
func (q querier) anyBaseline(query harness.SeriesQuery) (any bool, err error) {
	err = q.tx.QueryRowContext(q.ctx, `SELECT EXISTS (SELECT 1 FROM sessions WHERE case_key = ? AND udid = ? AND arm = ?)`,
		query.Case, query.UDID, string(harness.ArmBaseline)).Scan(&any)
	return any, err
}

// collect adds the series of one launch: from its figures where those will do, from all that it yielded otherwise.
func (q querier) collect(l *launched, p pass, out map[string][]harness.SessionSeries) error {
	run, err := q.runName(l.run)
	if err != nil {
		return err
	}
	add := func(metric, unit string, values []float64, uncertainty *float64) {
		out[metric] = append(out[metric], harness.SessionSeries{Run: run, Begin: &l.begin, Values: values, Unit: unit, Uncertainty: uncertainty})
	}
	if l.sealed && p.summary && l.figures.whole() {
		for _, m := range l.figures.metrics {
			add(p.words[m.metric], p.words[m.unit], m.values, m.uncertainty)
		}
		return nil
	}
	if l.sealed && len(l.figures.metrics) == 0 {
		return nil
	}
	from := l.session
	if l.sealed {
		if from.seal, err = q.sealOf(l.id); err != nil {
			return err
		}
	}
	held, err := q.readings(from)
	if err != nil {
		return err
	}
	for _, s := range seriesOf(held.Iterations, held.Samples) {
		if !p.wants(s.metric) {
			continue
		}
		if s.mixed != "" {
			return fmt.Errorf("it has %s in %s and in %s", s.metric, s.unit, s.mixed)
		}
		if p.summary {
			s.values = summarise(s.values)
		}
		add(s.metric, s.unit, s.values, s.uncertainty)
	}
	return nil
}

// conditions spells what the query selects. Only what is asked for is said, so that SQLite can use an index for it.
func conditions(query harness.SeriesQuery) (where string, args []any) {
	terms := []string{"s.run NOT IN (SELECT run FROM hidden_runs)"}
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
		add("s.run = (SELECT id FROM runs WHERE name = ?)", query.Run)
	}
	if !query.Since.IsZero() {
		add("s.at >= ?", query.Since.UnixNano())
	}
	if query.Paired {
		for _, arm := range []harness.Arm{harness.ArmBaseline, harness.ArmCandidate} {
			terms = append(terms, "s.run IN (SELECT run FROM sessions WHERE case_key = ? AND udid = ? AND arm = ?)")
			args = append(args, query.Case, query.UDID, string(arm))
		}
	}
	return strings.Join(terms, " AND "), args
}
