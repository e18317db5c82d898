package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
)

// Forms of a kept payload's bytes.
const (
	formAsIs = 0 // rows that an earlier version has written
	formS2   = 1 // an S2 block over payloadWords
)

// Packed is a payload ready to be kept: its bytes and figures are compressed.
type Packed struct{ row harness.Taken }

// Pack makes a payload ready for Take. It needs no database, so that many can be packed side by side; the payload's
// bytes are not needed after it.
//
// Note: what keeping a payload costs is bytes written, to the log and again to the file. S2 takes 11 µs to make a quarter
// to an eighth of a payload of 5 kB, zstd at its fastest 37 µs to make a fifth to a tenth.
func Pack(t harness.Taken) Packed {
	if t.Raw != nil {
		t.Raw = pack(t.Raw)
	}
	if t.Figures != nil {
		t.Figures = pack(t.Figures)
	}
	return Packed{t}
}

// pack compresses into a buffer of its own before it takes what it needs: the worst case is longer than the text.
func pack(text []byte) []byte {
	const most = 1 << 20 // a buffer that is larger is not kept
	buffer := packBuffers.Get().(*[]byte)
	defer packBuffers.Put(buffer)
	out := payloadDictionary.Encode(*buffer, text)
	if cap(out) <= most {
		*buffer = out[:0]
	}
	return bytes.Clone(out)
}

var packBuffers = sync.Pool{New: func() any { return new([]byte) }}

// Size is how long the payload is as it came, in bytes.
func (p *Packed) Size() int64 { return p.row.Size }

// Take keeps a batch of payloads in one transaction and returns how many of them were new: a payload that is there
// already, byte for byte, is left as it is.
func (s *Store) Take(ctx context.Context, batch []Packed) (int, error) {
	if len(batch) == 0 {
		return 0, ctx.Err()
	}
	added := 0
	err := s.transact(ctx, "keep payloads", func(tx *writeTx) error {
		statement, err := tx.prepare(`INSERT INTO taken (hash, source, at, format, device_type, os_build, app_build, bundle_id,
			begin_at, end_at, zone_stated, size, raw, figures, problem, packed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (hash) DO NOTHING`)
		if err != nil {
			return err
		}
		for i := range batch {
			p := &batch[i].row
			result, err := statement.ExecContext(tx.ctx, p.Hash[:], p.Source, p.At.UnixNano(), p.Format, p.DeviceType, p.OSBuild, p.AppBuild,
				p.BundleID, p.Begin, p.End, p.ZoneStated, p.Size, p.Raw, p.Figures, p.Problem, formS2)
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

// unpackTaken returns bytes as they were before Pack. Nil stays nil.
func unpackTaken(form int, packed []byte) ([]byte, error) {
	switch {
	case packed == nil || form == formAsIs:
		return packed, nil
	case form == formS2:
		plain, err := payloadDictionary.Decode(nil, packed)
		if err != nil {
			return nil, fmt.Errorf("a stored payload is corrupt: %w", err)
		}
		return plain, nil
	}
	return nil, fmt.Errorf("a stored payload has the unknown form %d", form)
}

// EachTaken calls yield with every kept payload in the order of keeping, with its bytes as they came, one at a time; Raw is
// nil where they are too large for a row. It ends early with yield's error.
func (s *Store) EachTaken(ctx context.Context, yield func(harness.Taken) error) error {
	for last := int64(0); ; {
		id, p, err := s.takenAfter(ctx, last)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return s.fault("read a payload", err)
		}
		if err := yield(p); err != nil {
			return err
		}
		last = id
	}
}

// takenAfter reads the payload that was kept next after a row, and checks its bytes against their hash.
func (s *Store) takenAfter(ctx context.Context, last int64) (id int64, p harness.Taken, err error) {
	var hash []byte
	var form int
	err = s.read.QueryRowContext(ctx, `SELECT id, hash, source, size, raw, packed, problem FROM taken WHERE id > ? ORDER BY id LIMIT 1`, last).
		Scan(&id, &hash, &p.Source, &p.Size, &p.Raw, &form, &p.Problem)
	if err != nil {
		return 0, p, err
	}
	copy(p.Hash[:], hash)
	if p.Raw, err = unpackTaken(form, p.Raw); err != nil {
		return 0, p, fmt.Errorf("%s: %w", p.Source, err)
	}
	if p.Raw != nil && sha256.Sum256(p.Raw) != p.Hash {
		return 0, p, fmt.Errorf("%s: a stored payload is corrupt: its bytes have another hash than when it came", p.Source)
	}
	return id, p, nil
}

// EachPayload calls yield with every payload that the sessions of a run brought along, in the order of recording, with its
// bytes, one at a time. It ends early with yield's error.
func (s *Store) EachPayload(ctx context.Context, run string, yield func(harness.Payload) error) error {
	for last := int64(0); ; {
		var p harness.Payload
		var at int64
		err := s.read.QueryRowContext(ctx, `SELECT p.id, s.name, p.name, p.kind, p.at, p.raw FROM payloads p JOIN sessions s ON s.id = p.session
			WHERE p.run = (SELECT id FROM runs WHERE name = ?) AND p.id > ? ORDER BY p.id LIMIT 1`, run, last).
			Scan(&last, &p.Session, &p.Name, &p.Kind, &at, &p.Raw)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return s.fault("read a payload", err)
		}
		p.At = wall(at)
		if err := yield(p); err != nil {
			return err
		}
	}
}

// TakenBetween returns the payloads that speak of a device type within a stretch of time, oldest first, without their raw
// bytes. Their times are compared as they stand, as UTC.
func (s *Store) TakenBetween(ctx context.Context, deviceType string, from, to time.Time) ([]harness.Taken, error) {
	return s.taken(
		ctx, `device_type = ?1 AND begin_at <= ?2 AND end_at >= ?3`, deviceType, to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339),
	)
}

// TakenOf returns the payloads that speak of a build on a device type, oldest first, without their raw bytes. An empty
// argument matches every payload.
func (s *Store) TakenOf(ctx context.Context, bundleID, deviceType string) ([]harness.Taken, error) {
	return s.taken(ctx, `(?1 = '' OR bundle_id = ?1) AND (?2 = '' OR device_type = ?2)`, bundleID, deviceType)
}

func (s *Store) taken(ctx context.Context, where string, args ...any) ([]harness.Taken, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT hash, source, format, device_type, os_build, app_build, bundle_id, begin_at, end_at,
		zone_stated, size, figures, problem, packed FROM taken WHERE `+where+` ORDER BY begin_at, id`, args...)
	if err != nil {
		return nil, s.fault("read payloads", err)
	}
	defer rows.Close()
	var out []harness.Taken
	for rows.Next() {
		var p harness.Taken
		var hash []byte
		var form int
		if err = rows.Scan(&hash, &p.Source, &p.Format, &p.DeviceType, &p.OSBuild, &p.AppBuild, &p.BundleID, &p.Begin, &p.End,
			&p.ZoneStated, &p.Size, &p.Figures, &p.Problem, &form); err != nil {
			return nil, s.fault("read payloads", err)
		}
		copy(p.Hash[:], hash)
		if p.Figures, err = unpackTaken(form, p.Figures); err != nil {
			return nil, s.fault("read payloads", err)
		}
		out = append(out, p)
	}
	return out, s.fault("read payloads", rows.Err())
}
