package store

import (
	"context"
	"database/sql"
	"errors"
)

// sealEarlier seals the launches that an earlier version has recorded, one transaction each: a process that is killed
// meanwhile leaves the rest to the next. Then the space that they took is given back.
func (s *Store) sealEarlier(ctx context.Context) error {
	for some := false; ; some = true {
		left, err := s.sealNext(ctx)
		if err != nil {
			return err
		}
		if !left {
			if some {
				return s.giveBack(ctx)
			}
			return nil
		}
	}
}

// sealNext seals one launch of those that are left and says whether there was one.
func (s *Store) sealNext(ctx context.Context) (left bool, err error) {
	var id int64
	s.mu.Lock()
	err = s.writer.QueryRowContext(ctx, `SELECT session FROM unsealed LIMIT 1`).Scan(&id)
	s.mu.Unlock()
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.transact(ctx, "seal an earlier session", func(tx *writeTx) error {
		// Another process may have come first.
		if mine, err := tx.one(`SELECT count(*) FROM unsealed WHERE session = ?`, id); err != nil || mine == 0 {
			return err
		}
		if _, err := tx.insert(`DELETE FROM unsealed WHERE session = ?`, id); err != nil {
			return err
		}
		return tx.seal(id)
	})
}

// giveBack shrinks the file. That takes as much space again for a moment and the file for itself; where either is not
// to be had, the file keeps its size and fills up again in time.
func (s *Store) giveBack(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.writer.ExecContext(ctx, "VACUUM")
	if err != nil && ctx.Err() == nil {
		return nil
	}
	return err
}
