package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/lilims/bench/harness"
)

// KeepReference adds a device's cold reference. Earlier ones stay on record.
func (s *Store) KeepReference(ctx context.Context, r harness.Reference) error {
	if !(r.TokS > 0) || math.IsInf(r.TokS, 1) {
		return fmt.Errorf("a cold reference of %v tok/s is not a speed", r.TokS)
	}
	return s.transact(ctx, "keep the cold reference", func(tx *writeTx) error {
		document, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = tx.insert(`INSERT INTO cold_references (udid, os_build, model_hash, build_hash, probe, tok_s, at, document)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, r.Key.UDID, r.Key.OSBuild, r.Key.ModelHash, r.Key.BuildHash, r.Key.Probe, r.TokS,
			r.At.UnixNano(), string(document))
		return err
	})
}

// Reference returns the latest cold reference of a key, and whether there is one.
func (s *Store) Reference(ctx context.Context, key harness.ReferenceKey) (harness.Reference, bool, error) {
	var r harness.Reference
	var document string
	err := s.read.QueryRowContext(ctx, `SELECT document FROM cold_references WHERE udid = ? AND os_build = ? AND model_hash = ?
		AND build_hash = ? AND probe = ? ORDER BY id DESC LIMIT 1`,
		key.UDID, key.OSBuild, key.ModelHash, key.BuildHash, key.Probe).Scan(&document)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	if err != nil {
		return r, false, s.fault("read the cold reference", err)
	}
	if err := json.Unmarshal([]byte(document), &r); err != nil {
		return r, false, s.fault("read the cold reference", fmt.Errorf("a stored reference is corrupt: %w", err))
	}
	return r, true, nil
}
