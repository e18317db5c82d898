package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
)

// writeTx is one write transaction with what it has learnt: row numbers of words, runs, sessions and contexts. What it
// learns enters the store's maps only when it is committed.
type writeTx struct {
	ctx      context.Context
	store    *Store
	words    map[string]int64
	runs     map[string]int64
	sessions map[sessionKey]int64
	contexts map[[sha256.Size]byte]int64

	ended    []int64        // sessions to seal before the commit
	reopened map[int64]bool // sessions that were looked at for being sealed
}

// transact runs do in one write transaction. An error of do undoes all of it. A context that is done refuses the write;
// one that ends during it does not: half a write is of use to nobody, and a whole one takes a millisecond.
func (s *Store) transact(ctx context.Context, op string, do func(tx *writeTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	tx := &writeTx{ctx: context.WithoutCancel(ctx), store: s, words: map[string]int64{}, runs: map[string]int64{},
		sessions: map[sessionKey]int64{},
		contexts: map[[sha256.Size]byte]int64{}, reopened: map[int64]bool{}}
	// IMMEDIATE takes the write lock at once: to wait for it later, between two statements, SQLite would have to refuse.
	if err := tx.exec("BEGIN IMMEDIATE"); err != nil {
		return s.fault(op, err)
	}
	err := do(tx)
	if err == nil {
		err = tx.exec("COMMIT")
	}
	if err != nil {
		// SQLite has rolled back by itself after some errors (a full disk); then there is nothing left to undo.
		return s.fault(op, errors.Join(err, tx.rollback()))
	}
	tx.keep()
	return nil
}

func (tx *writeTx) rollback() error {
	err := tx.exec("ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

func (tx *writeTx) exec(statement string) error {
	_, err := tx.insert(statement)
	return err
}

// keep hands what a committed transaction has learnt to the store.
func (tx *writeTx) keep() {
	for word, id := range tx.words {
		tx.store.words[word] = id
	}
	for run, id := range tx.runs {
		tx.store.runs[run] = id
	}
	for session, id := range tx.sessions {
		tx.store.sessions[session] = id
	}
	for hash, id := range tx.contexts {
		tx.store.contexts[hash] = id
	}
}

// insert runs a statement and returns the new row's number.
func (tx *writeTx) insert(statement string, args ...any) (int64, error) {
	prepared, err := tx.prepare(statement)
	if err != nil {
		return 0, err
	}
	result, err := prepared.ExecContext(tx.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// one reads a single value.
func (tx *writeTx) one(statement string, args ...any) (id int64, err error) {
	prepared, err := tx.prepare(statement)
	if err != nil {
		return 0, err
	}
	err = prepared.QueryRowContext(tx.ctx, args...).Scan(&id)
	return id, err
}

// prepare makes each statement once for the life of the store, on the writer's only connection.
func (tx *writeTx) prepare(statement string) (*sql.Stmt, error) {
	if prepared, ok := tx.store.statements[statement]; ok {
		return prepared, nil
	}
	prepared, err := tx.store.writer.PrepareContext(tx.ctx, statement)
	if err != nil {
		return nil, err
	}
	tx.store.statements[statement] = prepared
	return prepared, nil
}

func (tx *writeTx) learnRun(name string, id int64)        { tx.runs[name] = id }
func (tx *writeTx) learnSession(key sessionKey, id int64) { tx.sessions[key] = id }

// run returns the row of the run of that name.
func (tx *writeTx) run(name string) (int64, error) {
	if id, ok := tx.store.runs[name]; ok {
		return id, nil
	}
	id, err := tx.one(`SELECT id FROM runs WHERE name = ?`, name)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, unknownRun(name)
	}
	if err != nil {
		return 0, err
	}
	tx.learnRun(name, id)
	return id, nil
}

// session returns the row of the launch of that name.
func (tx *writeTx) session(run int64, name string) (int64, error) {
	key := sessionKey{run, name}
	if id, ok := tx.sessions[key]; ok {
		return id, nil
	}
	if id, ok := tx.store.sessions[key]; ok {
		return id, nil
	}
	id, err := tx.one(`SELECT id FROM sessions WHERE run = ? AND name = ?`, run, name)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errors.New("it has not begun")
	}
	if err != nil {
		return 0, err
	}
	tx.learnSession(key, id)
	return id, nil
}

// word returns the number of a word, which it adds where it is new.
func (tx *writeTx) word(text string) (int64, error) {
	if id, ok := tx.words[text]; ok {
		return id, nil
	}
	if id, ok := tx.store.words[text]; ok {
		return id, nil
	}
	if _, err := tx.insert(`INSERT OR IGNORE INTO words (text) VALUES (?)`, text); err != nil {
		return 0, err
	}
	id, err := tx.one(`SELECT id FROM words WHERE text = ?`, text)
	if err != nil {
		return 0, err
	}
	tx.words[text] = id
	return id, nil
}

func unknownRun(name string) error {
	return &harness.Error{Kind: harness.KindUsage, Op: "find run", Err: fmt.Errorf("no run %q is recorded", name),
		Hint: "`bench runs` lists the runs that are"}
}
