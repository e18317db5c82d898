package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// NoteRun adds a note to a run.
func (s *Store) NoteRun(ctx context.Context, run, text string, at time.Time) error {
	return s.transact(ctx, "note run", func(tx *writeTx) error {
		id, err := tx.run(run)
		if err != nil {
			return err
		}
		_, err = tx.insert(`INSERT INTO run_notes (run, at, text) VALUES (?, ?, ?)`, id, at.UnixNano(), text)
		return err
	})
}

// DeleteRun takes a run out of every list, comparison, baseline and trend. Nothing that was measured is removed:
// [Store.RestoreRun] brings it back.
func (s *Store) DeleteRun(ctx context.Context, run string, at time.Time) error {
	return s.transact(ctx, "delete run", func(tx *writeTx) error {
		id, err := tx.run(run)
		if err != nil {
			return err
		}
		_, err = tx.insert(`INSERT OR IGNORE INTO hidden_runs (run, at) VALUES (?, ?)`, id, at.UnixNano())
		return err
	})
}

// RestoreRun brings a deleted run back, by its whole name.
func (s *Store) RestoreRun(ctx context.Context, run string) error {
	return s.transact(ctx, "restore run", func(tx *writeTx) error {
		id, err := tx.run(run)
		if err != nil {
			return err
		}
		_, err = tx.insert(`DELETE FROM hidden_runs WHERE run = ?`, id)
		return err
	})
}

// Resolve finds the run that a person means: by its name, any part of it that no other run has, latest, or latest~N for
// the Nth before. Deleted runs are not found. What fits none or several is an error of kind usage.
func (s *Store) Resolve(ctx context.Context, word string) (string, error) {
	names, err := s.Names(ctx)
	if err != nil {
		return "", err
	}
	if back, ok := backFromLatest(word); ok {
		if len(names) == 0 {
			return "", noRun()
		}
		if back >= len(names) {
			return "", harness.UsageError("find run", "`bench runs` lists the runs.", "%s: %s recorded", word, harness.Count(len(names), "run"))
		}
		return names[back], nil
	}
	var fits []string
	for _, name := range names {
		if name == word {
			return name, nil
		}
		if strings.Contains(name, word) {
			fits = append(fits, name)
		}
	}
	switch len(fits) {
	case 0:
		return "", unknownRun(word)
	case 1:
		return fits[0], nil
	}
	const few = 3
	return "", harness.UsageError("find run", "Name more of it: "+strings.Join(fits[:min(few, len(fits))], ", ")+".",
		"%q fits %s", word, harness.Count(len(fits), "run"))
}

// backFromLatest reads latest and latest~N.
func backFromLatest(word string) (int, bool) {
	rest, ok := strings.CutPrefix(word, "latest")
	if !ok {
		return 0, false
	}
	if rest == "" {
		return 0, true
	}
	text, ok := strings.CutPrefix(rest, "~")
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && n >= 0
}

// Names lists the runs that are not deleted, the latest first.
func (s *Store) Names(ctx context.Context) (names []string, err error) {
	err = s.snapshot(ctx, "list runs", func(q querier) error {
		names, err = q.names()
		return err
	})
	return names, err
}

func (q querier) names() (names []string, err error) {
	err = q.rows(`SELECT name FROM runs WHERE id NOT IN (SELECT run FROM hidden_runs) ORDER BY start_at DESC, id DESC`, nil,
		func(scan func(...any) error) error {
			var name string
			if err = scan(&name); err == nil {
				names = append(names, name)
			}
			return err
		})
	return names, err
}

// notes are what people said of a run.
func (q querier) notes(run int64) (notes []harness.RunNote, err error) {
	err = q.rows(`SELECT at, text FROM run_notes WHERE run = ? ORDER BY id`, []any{run}, func(scan func(...any) error) error {
		var at int64
		var note harness.RunNote
		if err = scan(&at, &note.Text); err != nil {
			return fmt.Errorf("a note of the run: %w", err)
		}
		note.At = time.Unix(0, at).UTC()
		notes = append(notes, note)
		return nil
	})
	return notes, err
}
