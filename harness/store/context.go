package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// launchContext is the part of a launch's begin that many launches share.
type launchContext struct {
	Case        harness.Case        `json:"case"`
	Build       harness.Build       `json:"build"`
	Fingerprint harness.Fingerprint `json:"fingerprint"`
}

func contextOf(b harness.SessionBegin) launchContext {
	return launchContext{b.Case, b.Build, b.Fingerprint}
}

// packStates writes what neither the row nor the context nor the figures of a sealed launch say: the device's state
// before it, and its end.
func packStates(before *harness.DeviceState, end harness.SessionEnd) ([]byte, error) {
	first, err := json.Marshal(before)
	if err != nil {
		return nil, err
	}
	last, err := json.Marshal(end)
	if err != nil {
		return nil, err
	}
	return block.EncodeTexts(string(first), string(last))
}

func unpackStates(data []byte) (before *harness.DeviceState, end harness.SessionEnd, err error) {
	texts, err := block.DecodeTexts(data)
	if err == nil && len(texts) != 2 {
		err = errTorn
	}
	if err == nil {
		err = json.Unmarshal([]byte(texts[0]), &before)
	}
	if err == nil {
		err = json.Unmarshal([]byte(texts[1]), &end)
	}
	return before, end, err
}

// context returns the row of a context, which it adds where it is new.
func (tx *writeTx) context(c launchContext) (int64, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return 0, err
	}
	hash := sha256.Sum256(text)
	if id, ok := tx.contexts[hash]; ok {
		return id, nil
	}
	if id, ok := tx.store.contexts[hash]; ok {
		return id, nil
	}
	id, err := tx.one(`SELECT id FROM contexts WHERE hash = ?`, hash[:])
	if errors.Is(err, sql.ErrNoRows) {
		var document []byte
		if document, err = block.EncodeTexts(string(text)); err == nil {
			id, err = tx.insert(`INSERT INTO contexts (hash, document) VALUES (?, ?)`, hash[:], document)
		}
	}
	if err != nil {
		return 0, err
	}
	tx.contexts[hash] = id
	return id, nil
}

// readCache holds what was read and is never changed: contexts, and the names of runs.
type readCache struct {
	mu       sync.Mutex
	contexts map[int64]*launchContext
	runs     map[int64]string
}

func newReadCache() *readCache {
	return &readCache{contexts: map[int64]*launchContext{}, runs: map[int64]string{}}
}

// context reads a context, once.
func (q querier) context(id int64) (*launchContext, error) {
	if q.known == nil {
		return q.readContext(id)
	}
	q.known.mu.Lock()
	defer q.known.mu.Unlock()
	if c, ok := q.known.contexts[id]; ok {
		return c, nil
	}
	c, err := q.readContext(id)
	if err == nil {
		q.known.contexts[id] = c
	}
	return c, err
}

func (q querier) readContext(id int64) (*launchContext, error) {
	var document []byte
	if err := q.tx.QueryRowContext(q.ctx, `SELECT document FROM contexts WHERE id = ?`, id).Scan(&document); err != nil {
		return nil, fmt.Errorf("the context %d of a sealed session: %w", id, err)
	}
	texts, err := block.DecodeTexts(document)
	if err == nil && len(texts) != 1 {
		err = errTorn
	}
	c := new(launchContext)
	if err == nil {
		err = json.Unmarshal([]byte(texts[0]), c)
	}
	if err != nil {
		return nil, fmt.Errorf("the context %d of a sealed session: %w", id, err)
	}
	return c, nil
}

// runName reads the name of a run, once.
func (q querier) runName(id int64) (name string, err error) {
	if q.known != nil {
		q.known.mu.Lock()
		defer q.known.mu.Unlock()
		if known, ok := q.known.runs[id]; ok {
			return known, nil
		}
	}
	if err := q.tx.QueryRowContext(q.ctx, `SELECT name FROM runs WHERE id = ?`, id).Scan(&name); err != nil {
		return "", fmt.Errorf("the run %d of a session: %w", id, err)
	}
	if q.known != nil {
		q.known.runs[id] = name
	}
	return name, nil
}
