package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// snapshot runs do on one reading connection, inside one transaction: all its queries see the same commit.
func (s *Store) snapshot(ctx context.Context, op string, do func(q querier) error) error {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return s.fault(op, err)
	}
	defer tx.Rollback()
	return s.fault(op, do(querier{ctx, tx, s.known}))
}

// querier reads, in a reading transaction or in that of the writer.
type querier struct {
	ctx context.Context
	tx  interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	}
	known *readCache // nil: what is read may still be undone
}

// rows calls each for every row of a query.
func (q querier) rows(query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := q.tx.QueryContext(q.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Load returns what is recorded of a run: enough to take it up again. An unknown name is an error of kind usage.
func (s *Store) Load(ctx context.Context, run string) (harness.RunState, error) {
	var state harness.RunState
	err := s.snapshot(ctx, "load run", func(q querier) error {
		id, found, err := q.run(run)
		if err != nil {
			return err
		}
		state.Run = found
		sessions, err := q.sessions(id)
		if err != nil {
			return err
		}
		for _, session := range sessions {
			loaded, err := q.sessionState(session)
			if err != nil {
				return fmt.Errorf("session %s: %w", session.begin.ID, err)
			}
			state.Sessions = append(state.Sessions, loaded)
		}
		return nil
	})
	return state, err
}

// Run returns a run without its sessions. An unknown name is an error of kind usage.
func (s *Store) Run(ctx context.Context, name string) (harness.Run, error) {
	var found harness.Run
	err := s.snapshot(ctx, "find run", func(q querier) (err error) {
		_, found, err = q.run(name)
		return err
	})
	return found, err
}

// run reads a run with its latest end.
func (q querier) run(name string) (int64, harness.Run, error) {
	var id int64
	var document string
	var packed []byte
	var end sql.NullInt64
	var run harness.Run
	err := q.tx.QueryRowContext(q.ctx, `SELECT id, document, packed, (SELECT max(at) FROM run_ends WHERE run = runs.id) FROM runs WHERE `+
		`name = ?`,
		name).Scan(&id, &document, &packed, &end)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, run, unknownRun(name)
	}
	if err != nil {
		return 0, run, err
	}
	run, err = readRun(document, packed, end)
	return id, run, err
}

// readRun reads a run's document, as it stands or from its block.
func readRun(document string, packed []byte, end sql.NullInt64) (harness.Run, error) {
	var run harness.Run
	if packed != nil {
		var err error
		if document, err = block.DecodeText(packed); err != nil {
			return run, fmt.Errorf("a stored run is corrupt: %w", err)
		}
	}
	if err := json.Unmarshal([]byte(document), &run); err != nil {
		return run, fmt.Errorf("a stored run is corrupt: %w", err)
	}
	if end.Valid {
		at := time.Unix(0, end.Int64).UTC()
		run.End = &at
	}
	return run, nil
}

// session is a launch with its row number.
type session struct {
	id, run int64
	begin   harness.SessionBegin
	end     *harness.SessionEnd
	seal    *seal // nil: its rows are in their tables
}

// seal says where the block of a sealed launch lies.
type seal struct{ first, offset, size, lines int64 }

// sessions reads the launches of a run in the order in which they began.
func (q querier) sessions(run int64) ([]session, error) {
	return q.selected(`s.run = ?`, run)
}

// session reads one launch.
func (q querier) session(id int64) (session, error) {
	found, err := q.selected(`s.id = ?`, id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no session has the row %d", id)
	}
	if err != nil {
		return session{}, err
	}
	return found[0], nil
}

func (q querier) selected(where string, args ...any) ([]session, error) {
	var out []session
	row := newLaunchRow(nil)
	var first, offset, size, lines sql.NullInt64
	var states sql.RawBytes
	columns := append(row.columns, &first, &offset, &size, &lines, &states)
	err := q.rows(`SELECT `+launchColumns+`, x.first, x.offset, x.size, x.lines, x.states FROM `+launchTables+` WHERE `+where+` ORDER BY `+
		`s.id`, args,
		func(scan func(...any) error) error {
			if err := scan(columns...); err != nil {
				return err
			}
			l, err := q.launch(row)
			if err == nil && l.sealed {
				var end harness.SessionEnd
				l.begin.State, end, err = unpackStates(states)
				l.end, l.seal = &end, &seal{first.Int64, offset.Int64, size.Int64, lines.Int64}
			}
			if err != nil {
				return fmt.Errorf("the stored session %s is corrupt: %w", row.name, err)
			}
			out = append(out, l.session)
			return nil
		})
	return out, err
}

// documents are the JSON texts of a launch's begin and end.
func documents(of session) (begin, end string, err error) {
	first, err := json.Marshal(of.begin)
	if err != nil {
		return "", "", err
	}
	last, err := json.Marshal(of.end)
	return string(first), string(last), err
}

func (q querier) sessionState(from session) (harness.SessionState, error) {
	state := harness.SessionState{Begin: from.begin, End: from.end}
	if from.seal != nil {
		state.Lines = int(from.seal.lines)
		return state, nil
	}
	if err := q.tx.QueryRowContext(q.ctx, `SELECT count(*) FROM event_lines WHERE session = ?`, from.id).Scan(&state.Lines); err != nil {
		return state, err
	}
	if from.end != nil {
		return state, nil
	}
	var err error
	state.Battery, err = q.battery(from.id)
	return state, err
}

func (q querier) battery(session int64) ([]harness.BatteryReading, error) {
	var out []harness.BatteryReading
	err := q.rows(`SELECT document, raw FROM batteries WHERE session = ? ORDER BY id`, []any{session}, func(scan func(...any) error) error {
		var document string
		var raw []byte
		if err := scan(&document, &raw); err != nil {
			return err
		}
		var reading harness.BatteryReading
		if err := json.Unmarshal([]byte(document), &reading); err != nil {
			return fmt.Errorf("a stored battery reading is corrupt: %w", err)
		}
		reading.At = reading.At.UTC()
		if raw != nil {
			text, err := unpackLine(raw)
			if err != nil {
				return err
			}
			reading.Raw = text
		}
		out = append(out, reading)
		return nil
	})
	return out, err
}
