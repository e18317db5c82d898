package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
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
		notices, err := q.notices(id)
		if err != nil {
			return err
		}
		for _, from := range sessions {
			recorded, sealed, err := q.recorded(from)
			if err != nil {
				return fmt.Errorf("session %s: %w", from.begin.ID, err)
			}
			out.Sessions = append(out.Sessions, recorded)
			notices = append(notices, sealed...)
		}
		slices.SortStableFunc(notices, func(a, b block.Notice) int { return cmp.Compare(a.Place, b.Place) })
		for _, n := range notices {
			session := n.Notice.Session
			n.Notice.Session = ""
			out.Notices = append(out.Notices, harness.SessionNotice{Session: session, Notice: n.Notice})
		}
		return nil
	})
	return out, err
}

// Iterations returns the iterations of one launch.
func (s *Store) Iterations(ctx context.Context, run, session string) ([]harness.Iteration, error) {
	var out []harness.Iteration
	err := s.snapshot(ctx, "read iterations", func(q querier) error {
		found, err := q.selected(`s.name = ? AND s.run = (SELECT id FROM runs WHERE name = ?)`, session, run)
		if err != nil || len(found) == 0 {
			return err
		}
		held, err := q.readings(found[0])
		out = held.Iterations
		return err
	})
	return out, err
}

// Lines returns the event lines of one launch as they arrived.
func (s *Store) Lines(ctx context.Context, run, session string) ([]harness.EventLine, error) {
	var out []harness.EventLine
	err := s.snapshot(ctx, "read event lines", func(q querier) error {
		found, err := q.selected(`s.name = ? AND s.run = (SELECT id FROM runs WHERE name = ?)`, session, run)
		if err != nil || len(found) == 0 {
			return err
		}
		if found[0].seal == nil {
			out, err = q.lines(found[0])
			return err
		}
		held, err := q.opened(found[0])
		out = held.Lines
		return err
	})
	return out, err
}

func (q querier) lines(from session) ([]harness.EventLine, error) {
	var out []harness.EventLine
	err := q.rows(`SELECT number, at, body FROM event_lines WHERE session = ? ORDER BY number`, []any{
		from.id,
	}, func(scan func(...any) error) error {
		line := harness.EventLine{Session: from.begin.ID}
		var at int64
		var body []byte
		if err := scan(&line.Number, &at, &body); err != nil {
			return err
		}
		text, err := unpackLine(body)
		if err != nil {
			return fmt.Errorf("line %d: %w", line.Number, err)
		}
		line.Text, line.At = text, wall(at)
		out = append(out, line)
		return nil
	})
	return out, err
}

// recorded reads a launch, and beside it the notices that its block holds.
func (q querier) recorded(from session) (harness.RecordedSession, []block.Notice, error) {
	out := harness.RecordedSession{Begin: from.begin, End: from.end}
	held, err := q.held(from)
	if err != nil {
		return out, nil, err
	}
	out.Iterations, out.Samples, out.Battery, out.Absences = held.Iterations, held.Samples, held.Battery, held.Absences
	out.Payloads, err = q.payloads(from)
	return out, held.Notices, err
}

// held reads what a launch yielded, from its block or, without its lines and notices, from its rows.
func (q querier) held(from session) (block.Session, error) {
	if from.seal != nil {
		return q.opened(from)
	}
	var out block.Session
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
	out.Absences, err = q.absences(from)
	return out, err
}

// rowsOf reads all the rows of a launch that sealing takes away.
func (q querier) rowsOf(from session) (block.Session, error) {
	out, err := q.held(from)
	if err != nil {
		return out, err
	}
	if out.Lines, err = q.lines(from); err != nil {
		return out, err
	}
	out.Notices, err = q.noticesWhere(`n.session = ?`, from.id)
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

// payloads lists what a launch brought along, without its bytes: EachPayload reads those.
func (q querier) payloads(from session) ([]harness.Payload, error) {
	var out []harness.Payload
	err := q.rows(`SELECT name, kind, at FROM payloads WHERE session = ? ORDER BY id`, []any{from.id}, func(scan func(...any) error) error {
		p := harness.Payload{Session: from.begin.ID}
		var at int64
		if err := scan(&p.Name, &p.Kind, &at); err != nil {
			return err
		}
		p.At = wall(at)
		out = append(out, p)
		return nil
	})
	return out, err
}

// notices reads those of a run that are rows: of the run itself, and of launches that are not sealed or were told of
// after that.
func (q querier) notices(run int64) ([]block.Notice, error) { return q.noticesWhere(`n.run = ?`, run) }

func (q querier) noticesWhere(where string, arg int64) ([]block.Notice, error) {
	var out []block.Notice
	err := q.rows(`SELECT n.id, coalesce(s.name, ''), n.what, n.text, n.at FROM notices n LEFT JOIN sessions s ON s.id = n.session
		WHERE `+where+` ORDER BY n.id`, []any{arg}, func(scan func(...any) error) error {
		var n block.Notice
		var at int64
		if err := scan(&n.Place, &n.Notice.Session, &n.Notice.What, &n.Notice.Text, &at); err != nil {
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

// readings reads what series are made of.
func (q querier) readings(from session) (block.Session, error) {
	if from.seal != nil {
		return q.opened(from)
	}
	iterations, err := q.iterations(from)
	if err != nil {
		return block.Session{}, err
	}
	samples, err := q.samples(from)
	return block.Session{Iterations: iterations, Samples: samples}, err
}
