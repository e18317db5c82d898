package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// Begin records a run with its plan. A name that exists already is an error of kind usage.
func (s *Store) Begin(ctx context.Context, run harness.Run) error {
	return s.transact(ctx, "record run", func(tx *writeTx) error {
		document, err := json.Marshal(run)
		if err != nil {
			return err
		}
		packed, err := block.EncodeText(string(document))
		if err != nil {
			return err
		}
		id, err := tx.insert(`INSERT INTO runs (name, start_at, synthetic, document, packed) VALUES (?, ?, ?, '', ?)`,
			run.ID, run.Start.UnixNano(), run.Synthetic, packed)
		if isDuplicate(err) {
			return &harness.Error{Kind: harness.KindUsage, Op: "record run", Err: fmt.Errorf("run %s exists already", run.ID),
				Hint: "continue it with `bench run --resume " + run.ID + "`"}
		}
		if err != nil {
			return err
		}
		for i, c := range run.Plan.Cases {
			if _, err := tx.insert(`INSERT INTO cases (run, ordinal, key, udid) VALUES (?, ?, ?, ?)`, id, i, c.Key(), c.Device.UDID); err != nil {
				return err
			}
		}
		if run.End != nil {
			if _, err := tx.insert(`INSERT INTO run_ends (run, at) VALUES (?, ?)`, id, run.End.UnixNano()); err != nil {
				return err
			}
		}
		tx.learnRun(run.ID, id)
		return nil
	})
}

// Record appends entries to a run, all or none. They are durable against the death of this process when it returns; a
// session's end also seals the session and waits for the disk.
func (s *Store) Record(ctx context.Context, run string, entries ...harness.Entry) error {
	ended := false
	err := s.transact(ctx, "record entries", func(tx *writeTx) error {
		id, err := tx.run(run)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := tx.entry(id, e); err != nil {
				return fmt.Errorf("session %q: %w", e.Session, err)
			}
		}
		ended = len(tx.ended) > 0
		for _, session := range tx.ended {
			if err := tx.seal(session); err != nil {
				return fmt.Errorf("seal the session: %w", err)
			}
		}
		return nil
	})
	if err == nil && ended {
		err = s.checkpoint(ctx)
	}
	return err
}

// Finish records that a run is over. A run that is finished twice keeps the later time.
func (s *Store) Finish(ctx context.Context, run string, end time.Time) error {
	err := s.transact(ctx, "finish run", func(tx *writeTx) error {
		id, err := tx.run(run)
		if err != nil {
			return err
		}
		_, err = tx.insert(`INSERT OR IGNORE INTO run_ends (run, at) VALUES (?, ?)`, id, end.UnixNano())
		return err
	})
	if err == nil {
		err = s.checkpoint(ctx)
	}
	return err
}

// checkpoint makes the disk hold what is committed. PASSIVE waits for no reader: what readers still need is left for
// the next one, but the log itself is synchronised in any case.
func (s *Store) checkpoint(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.writer.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	return s.fault("checkpoint database", err)
}

// entry appends one entry to the run with that id.
func (tx *writeTx) entry(run int64, e harness.Entry) error {
	if e.SessionBegin != nil {
		return tx.sessionBegin(run, *e.SessionBegin)
	}
	var session sql.NullInt64
	if e.Session != "" {
		id, err := tx.session(run, e.Session)
		if err != nil {
			return err
		}
		session = sql.NullInt64{Int64: id, Valid: true}
	}
	switch {
	case e.Payload != nil:
		_, err := tx.insert(`INSERT INTO payloads (run, session, name, kind, at, raw) VALUES (?, ?, ?, ?, ?, ?)`,
			run, session, e.Payload.Name, e.Payload.Kind, e.Payload.At.UnixNano(), append([]byte{}, e.Payload.Raw...))
		return err
	case e.Notice != nil:
		_, err := tx.insert(`INSERT INTO notices (run, session, what, text, at) VALUES (?, ?, ?, ?, ?)`,
			run, session, e.Notice.What, e.Notice.Text, e.Notice.At.UnixNano())
		return err
	case !session.Valid:
		return errors.New("an entry of a session does not name it")
	case e.SessionEnd != nil:
		return tx.sessionEnd(session.Int64, *e.SessionEnd)
	}
	if err := tx.reopen(session.Int64); err != nil {
		return err
	}
	return tx.row(session.Int64, e)
}

// row appends what a sealed session keeps in its block.
func (tx *writeTx) row(session int64, e harness.Entry) error {
	switch {
	case e.Line != nil:
		return tx.line(session, *e.Line)
	case e.Iteration != nil:
		return tx.iteration(session, *e.Iteration)
	case e.Sample != nil:
		return tx.sample(session, *e.Sample)
	case e.Battery != nil:
		return tx.battery(session, *e.Battery)
	case e.Absence != nil:
		_, err := tx.insert(`INSERT INTO absences (session, metric, reason) VALUES (?, ?, ?)`, session, e.Absence.Metric, e.Absence.Reason)
		return err
	}
	return errors.New("an entry is empty")
}

func (tx *writeTx) sessionBegin(run int64, b harness.SessionBegin) error {
	document, err := json.Marshal(b)
	if err != nil {
		return err
	}
	id, err := tx.insert(`INSERT INTO sessions (run, name, planned, attempt, case_key, udid, arm, pair, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?,`+
		` ?)`,
		run, b.ID, b.Planned.ID, b.Attempt, b.Case.Key(), b.Case.Device.UDID, string(b.Planned.Arm), b.Planned.Pair, b.At.UnixNano())
	if err != nil {
		return err
	}
	if _, err := tx.insert(`INSERT INTO documents (session, began) VALUES (?, ?)`, id, string(document)); err != nil {
		return err
	}
	tx.learnSession(sessionKey{run, b.ID}, id)
	return nil
}

func (tx *writeTx) sessionEnd(session int64, e harness.SessionEnd) error {
	document, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err = tx.insert(`INSERT INTO session_ends (session, outcome, planned, measured, at) VALUES (?, ?, ?, ?, ?)`,
		session, string(e.Outcome), e.Planned, e.Measured, e.At.UnixNano()); err != nil {
		return err
	}
	_, err = tx.insert(`UPDATE documents SET ended = ? WHERE session = ?`, string(document), session)
	tx.ended = append(tx.ended, session)
	return err
}

func (tx *writeTx) line(session int64, l harness.EventLine) error {
	_, err := tx.insert(
		`INSERT INTO event_lines (session, number, at, body) VALUES (?, ?, ?, ?)`, session, l.Number, l.At.UnixNano(), packLine(l.Text),
	)
	return err
}

func (tx *writeTx) iteration(session int64, it harness.Iteration) error {
	var thermal sql.NullString
	if it.Thermal != nil {
		thermal = sql.NullString{String: string(*it.Thermal), Valid: true}
	}
	_, err := tx.insert(`INSERT INTO iterations (session, number, warmup, prompt_tokens, outcome, reason, begin_ns,
		prefill_ns, first_token_ns, end_ns, thermal, text, token_ids, token_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		session, it.Index, it.Warmup, it.PromptTokens, string(it.Outcome), it.Reason, it.BeginNs,
		it.PrefillNs, it.FirstTokenNs, it.EndNs, thermal, it.Text, packIDs(it.TokenIDs), packTimes(it.TokenNs))
	return err
}

// sample appends a sample. A value that is not a number cannot enter a figure and SQLite would keep it as absent, so it is
// refused; the event line that said it is kept all the same.
func (tx *writeTx) sample(session int64, m harness.Sample) error {
	if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
		return fmt.Errorf("sample of %s is %v, which is not a valid reading", m.Metric, m.Value)
	}
	var columns [5]sql.NullInt64
	for i, word := range []string{m.Metric, m.Unit, m.Phase, string(m.Source), m.Method} {
		if word == "" && i != 0 && i != 1 && i != 3 {
			continue
		}
		id, err := tx.word(word)
		if err != nil {
			return err
		}
		columns[i] = sql.NullInt64{Int64: id, Valid: true}
	}
	_, err := tx.insert(`INSERT INTO samples (session, metric, unit, phase, source, method, iteration, value, at, device_ns, uncertainty)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, session, columns[0], columns[1], columns[2], columns[3], columns[4],
		m.Iteration, m.Value, m.At.UnixNano(), m.DeviceNs, m.Uncertainty)
	return err
}

func (tx *writeTx) battery(session int64, b harness.BatteryReading) error {
	var raw []byte
	if b.Raw != "" {
		var err error
		if raw, err = tx.store.lines.pack(b.Raw); err != nil {
			return err
		}
	}
	b.Raw = ""
	document, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = tx.insert(
		`INSERT INTO batteries (session, at, document, raw) VALUES (?, ?, ?, ?)`, session, b.At.UnixNano(), string(document), raw,
	)
	return err
}

// isDuplicate reports whether an insert met a row of the same name.
func isDuplicate(err error) bool {
	var fault sqlite3.Error
	return errors.As(
		err, &fault,
	) && (fault.ExtendedCode == sqlite3.ErrConstraintUnique || fault.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
