package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store/block"
)

// launchContext is the part of a launch's begin that many launches share.
type launchContext struct {
	Case        harness.Case        `json:"case"`
	Build       harness.Build       `json:"build"`
	Fingerprint harness.Fingerprint `json:"fingerprint"`
}

// launchHead is the rest of it.
type launchHead struct {
	ID       string                 `json:"id"`
	Attempt  int                    `json:"attempt"`
	Planned  harness.PlannedSession `json:"planned"`
	Prepared harness.Prepared       `json:"prepared"`
	State    *harness.DeviceState   `json:"state,omitempty"`
	At       time.Time              `json:"at"`
}

func contextOf(b harness.SessionBegin) launchContext {
	return launchContext{b.Case, b.Build, b.Fingerprint}
}

func headOf(b harness.SessionBegin) launchHead {
	return launchHead{b.ID, b.Attempt, b.Planned, b.Prepared, b.State, b.At}
}

// begin puts both parts together.
func (h launchHead) begin(c launchContext) harness.SessionBegin {
	return harness.SessionBegin{ID: h.ID, Attempt: h.Attempt, Planned: h.Planned, Case: c.Case, Build: c.Build, Fingerprint: c.Fingerprint,
		Prepared: h.Prepared, State: h.State, At: h.At}
}

// packHead writes the documents of a sealed launch without its context.
func packHead(begin harness.SessionBegin, end harness.SessionEnd) ([]byte, error) {
	head, err := json.Marshal(headOf(begin))
	if err != nil {
		return nil, err
	}
	last, err := json.Marshal(end)
	if err != nil {
		return nil, err
	}
	return block.EncodeTexts(string(head), string(last))
}

func unpackHead(data []byte) (launchHead, harness.SessionEnd, error) {
	var head launchHead
	var end harness.SessionEnd
	texts, err := block.DecodeTexts(data)
	if err == nil && len(texts) != 2 {
		err = errTorn
	}
	if err != nil {
		return head, end, fmt.Errorf("the documents of a sealed session: %w", err)
	}
	if err := json.Unmarshal([]byte(texts[0]), &head); err != nil {
		return head, end, fmt.Errorf("a stored session is torn: %w", err)
	}
	if err := json.Unmarshal([]byte(texts[1]), &end); err != nil {
		return head, end, fmt.Errorf("the stored end of session %s is torn: %w", head.ID, err)
	}
	return head, end, nil
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

// contextCache holds the contexts that were read. Contexts are never changed, so it is never wrong.
type contextCache struct {
	mu    sync.Mutex
	known map[int64]launchContext
}

// context reads a context, once.
func (q querier) context(id int64) (launchContext, error) {
	if q.known != nil {
		q.known.mu.Lock()
		defer q.known.mu.Unlock()
		if c, ok := q.known.known[id]; ok {
			return c, nil
		}
	}
	var c launchContext
	var document []byte
	if err := q.tx.QueryRowContext(q.ctx, `SELECT document FROM contexts WHERE id = ?`, id).Scan(&document); err != nil {
		return c, fmt.Errorf("the context %d of a sealed session: %w", id, err)
	}
	texts, err := block.DecodeTexts(document)
	if err == nil && len(texts) != 1 {
		err = errTorn
	}
	if err == nil {
		err = json.Unmarshal([]byte(texts[0]), &c)
	}
	if err != nil {
		return c, fmt.Errorf("the context %d of a sealed session: %w", id, err)
	}
	if q.known != nil {
		q.known.known[id] = c
	}
	return c, nil
}
