package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
)

// Read returns all that is recorded of a run but its event lines: what summaries and reports are made of.
func (s *Store) Read(ctx context.Context, run string) (harness.Recorded, error) {
	var out harness.Recorded
	err := s.snapshot(ctx, "read run", func(q querier) error {
		id, found, err := q.run(run)
		if err != nil {
			return err
		}
		out.Run = found
		sessions, err := q.sessions(id)
		if err != nil {
			return err
		}
		for _, from := range sessions {
			recorded, err := q.recorded(from)
			if err != nil {
				return fmt.Errorf("session %s: %w", from.begin.ID, err)
			}
			out.Sessions = append(out.Sessions, recorded)
		}
		out.Notices, err = q.notices(id)
		return err
	})
	return out, err
}

// Lines returns the event lines of one launch as they arrived.
func (s *Store) Lines(ctx context.Context, run, session string) ([]harness.EventLine, error) {
	var out []harness.EventLine
	err := s.snapshot(ctx, "read event lines", func(q querier) error {
		return q.rows(`SELECT l.number, l.at, l.body FROM event_lines l JOIN sessions s ON s.id = l.session JOIN runs r ON r.id = s.run
			WHERE r.name = ? AND s.name = ? ORDER BY l.number`, []any{run, session}, func(scan func(...any) error) error {
			var line harness.EventLine
			var at int64
			var body []byte
			if err := scan(&line.Number, &at, &body); err != nil {
				return err
			}
			text, err := unpackLine(body)
			if err != nil {
				return fmt.Errorf("line %d: %w", line.Number, err)
			}
			line.Session, line.Text, line.At = session, text, wall(at)
			out = append(out, line)
			return nil
		})
	})
	return out, err
}

func (q querier) recorded(from session) (harness.RecordedSession, error) {
	out := harness.RecordedSession{Begin: from.begin, End: from.end}
	var err error
	if out.Iterations, err = q.iterations(from); err != nil {
		return out, err
	}
	if out.Samples, err = q.samples(from); err != nil {
		return out, err
	}
	if out.Battery, err = q.battery(from.id); err != nil {
		return out, err
	}
	if out.Absences, err = q.absences(from); err != nil {
		return out, err
	}
	out.Payloads, err = q.payloads(from)
	return out, err
}

func (q querier) iterations(from session) ([]harness.Iteration, error) {
	var out []harness.Iteration
	err := q.rows(`SELECT number, warmup, prompt_tokens, outcome, reason, begin_ns, prefill_ns, first_token_ns, end_ns, thermal,
		text, token_ids, token_ns FROM iterations WHERE session = ? ORDER BY id`, []any{from.id}, func(scan func(...any) error) error {
		it := harness.Iteration{Session: from.begin.ID}
		var thermal sql.NullString
		var ids, stamps []byte
		err := scan(&it.Index, &it.Warmup, &it.PromptTokens, &it.Outcome, &it.Reason, &it.BeginNs, &it.PrefillNs,
			&it.FirstTokenNs, &it.EndNs, &thermal, &it.Text, &ids, &stamps)
		if err != nil {
			return err
		}
		if thermal.Valid {
			state := harness.ThermalState(thermal.String)
			it.Thermal = &state
		}
		if it.TokenIDs, err = unpackIDs(ids); err != nil {
			return fmt.Errorf("iteration %d: %w", it.Index, err)
		}
		if it.TokenNs, err = unpackTimes(stamps); err != nil {
			return fmt.Errorf("iteration %d: %w", it.Index, err)
		}
		out = append(out, it)
		return nil
	})
	return out, err
}

func (q querier) samples(from session) ([]harness.Sample, error) {
	var out []harness.Sample
	err := q.rows(`SELECT m.text, u.text, coalesce(p.text, ''), o.text, coalesce(h.text, ''), iteration, value, at, device_ns, uncertainty
		FROM samples s JOIN words m ON m.id = s.metric JOIN words u ON u.id = s.unit JOIN words o ON o.id = s.source
		LEFT JOIN words p ON p.id = s.phase LEFT JOIN words h ON h.id = s.method
		WHERE session = ? ORDER BY s.id`, []any{from.id}, func(scan func(...any) error) error {
		m := harness.Sample{Session: from.begin.ID}
		var at int64
		if err := scan(&m.Metric, &m.Unit, &m.Phase, &m.Source, &m.Method, &m.Iteration, &m.Value, &at, &m.DeviceNs, &m.Uncertainty); err != nil {
			return err
		}
		m.At = wall(at)
		out = append(out, m)
		return nil
	})
	return out, err
}

func (q querier) absences(from session) ([]harness.Absence, error) {
	var out []harness.Absence
	err := q.rows(`SELECT metric, reason FROM absences WHERE session = ? ORDER BY id`, []any{from.id}, func(scan func(...any) error) error {
		a := harness.Absence{Session: from.begin.ID}
		if err := scan(&a.Metric, &a.Reason); err != nil {
			return err
		}
		out = append(out, a)
		return nil
	})
	return out, err
}

func (q querier) payloads(from session) ([]harness.Payload, error) {
	var out []harness.Payload
	err := q.rows(`SELECT name, kind, at, raw FROM payloads WHERE session = ? ORDER BY id`, []any{from.id}, func(scan func(...any) error) error {
		p := harness.Payload{Session: from.begin.ID}
		var at int64
		if err := scan(&p.Name, &p.Kind, &at, &p.Raw); err != nil {
			return err
		}
		p.At = wall(at)
		out = append(out, p)
		return nil
	})
	return out, err
}

func (q querier) notices(run int64) ([]harness.SessionNotice, error) {
	var out []harness.SessionNotice
	err := q.rows(`SELECT coalesce(s.name, ''), n.what, n.text, n.at FROM notices n LEFT JOIN sessions s ON s.id = n.session
		WHERE n.run = ? ORDER BY n.id`, []any{run}, func(scan func(...any) error) error {
		var n harness.SessionNotice
		var at int64
		if err := scan(&n.Session, &n.Notice.What, &n.Notice.Text, &at); err != nil {
			return err
		}
		n.Notice.At = wall(at)
		out = append(out, n)
		return nil
	})
	return out, err
}

// wall turns a stored time back into one. All stored times are read as UTC.
func wall(ns int64) time.Time { return time.Unix(0, ns).UTC() }
