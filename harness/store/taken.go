package store

import (
	"context"

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

// TakenOf returns the payloads that speak of a build on a device type, oldest first, without their raw bytes. An empty
// argument matches every payload.
func (s *Store) TakenOf(ctx context.Context, bundleID, deviceType string) ([]harness.Taken, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT hash, source, format, device_type, os_build, app_build, bundle_id, begin_at, end_at,
		zone_stated, size, figures, problem FROM taken WHERE (?1 = '' OR bundle_id = ?1) AND (?2 = '' OR device_type = ?2) ORDER BY begin_at, id`, bundleID, deviceType)
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
