package store

import (
	"context"
	"time"

	"github.com/lilims/bench/harness"
)

// Take keeps a batch of payloads in one transaction and returns how many of them were new: a payload that is there
// already, byte for byte, is left as it is.
func (s *Store) Take(ctx context.Context, batch []harness.Taken) (added int, err error) {
	err = s.transact(ctx, "keep payloads", func(tx *writeTx) error {
		statement, err := tx.prepare(`INSERT INTO taken (hash, source, at, format, device_type, os_build, app_build, bundle_id,
			begin_at, end_at, zone_stated, size, raw, figures, problem) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hash) DO NOTHING`)
		if err != nil {
			return err
		}
		for _, p := range batch {
			result, err := statement.ExecContext(tx.ctx, p.Hash[:], p.Source, p.At.UnixNano(), p.Format, p.DeviceType, p.OSBuild, p.AppBuild,
				p.BundleID, p.Begin, p.End, p.ZoneStated, p.Size, p.Raw, p.Figures, p.Problem)
			if err != nil {
				return err
			}
			rows, err := result.RowsAffected()
			if err != nil {
				return err
			}
			added += int(rows)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return added, nil
}

// TakenBetween returns the payloads that speak of a device type within a stretch of time, oldest first, without their raw
// bytes. Their times are compared as they stand, as UTC.
func (s *Store) TakenBetween(ctx context.Context, deviceType string, from, to time.Time) ([]harness.Taken, error) {
	return s.taken(ctx, `device_type = ?1 AND begin_at <= ?2 AND end_at >= ?3`, deviceType, to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339))
}

// TakenOf returns the payloads that speak of a build on a device type, oldest first, without their raw bytes. An empty
// argument matches every payload.
func (s *Store) TakenOf(ctx context.Context, bundleID, deviceType string) ([]harness.Taken, error) {
	return s.taken(ctx, `(?1 = '' OR bundle_id = ?1) AND (?2 = '' OR device_type = ?2)`, bundleID, deviceType)
}

func (s *Store) taken(ctx context.Context, where string, args ...any) ([]harness.Taken, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT hash, source, format, device_type, os_build, app_build, bundle_id, begin_at, end_at,
		zone_stated, size, figures, problem FROM taken WHERE `+where+` ORDER BY begin_at, id`, args...)
	if err != nil {
		return nil, s.fault("read payloads", err)
	}
	defer rows.Close()
	var out []harness.Taken
	for rows.Next() {
		var p harness.Taken
		var hash []byte
		if err := rows.Scan(&hash, &p.Source, &p.Format, &p.DeviceType, &p.OSBuild, &p.AppBuild, &p.BundleID, &p.Begin, &p.End,
			&p.ZoneStated, &p.Size, &p.Figures, &p.Problem); err != nil {
			return nil, s.fault("read payloads", err)
		}
		copy(p.Hash[:], hash)
		out = append(out, p)
	}
	return out, s.fault("read payloads", rows.Err())
}
