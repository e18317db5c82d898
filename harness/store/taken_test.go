package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func payload(i int, size int) harness.Taken {
	raw := append(fmt.Appendf(nil, `{"n":%d,"pad":"`, i), bytes.Repeat([]byte{'x'}, size)...)
	return harness.Taken{Hash: sha256.Sum256(raw), Source: "day.json", At: time.Unix(int64(i), 0), Format: "metric", DeviceType: "iPhone15,4",
		BundleID: "org.lilims.bench", Begin: "2026-10-24T22:59:00Z", Size: int64(len(raw)), Raw: raw, Figures: []byte(`[]`)}
}

func packed(payloads ...harness.Taken) (out []Packed) {
	for _, p := range payloads {
		out = append(out, Pack(p))
	}
	return out
}

// TestTakenBytes: a payload's bytes come back as they came, whatever they are, and one without bytes stays without.
func TestTakenBytes(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	noise := make([]byte, 70_000)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	var want [][]byte
	for i, raw := range [][]byte{[]byte("{}"), noise, bytes.Repeat([]byte(`{"bucketCount" : 3}`), 20_000), []byte("\xff\x00"), nil} {
		p := payload(i, 0)
		p.Raw, p.Hash, p.Size = raw, sha256.Sum256(raw), int64(max(1, len(raw)))
		_, err := s.Take(ctx, packed(p))
		require.NoError(t, err)
		want = append(want, raw)
	}
	var got [][]byte
	err := s.EachTaken(ctx, func(p harness.Taken) error {
		got = append(got, p.Raw)
		return nil
	})
	require.NoError(t, err, "EachTaken = %d payloads, %v, want the %d that came, byte for byte", len(got), err, len(want))
	assert.True(t, slices.EqualFunc(got, want, func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }),
		"EachTaken = %d payloads, %v, want the %d that came, byte for byte", len(got), err, len(want))
}

// TestVersion4 opens a database that kept payloads as they came: they come back as before, beside those that are packed,
// and are not taken in again.
func TestVersion4(t *testing.T) {
	s, ctx := openAt(t, dumped(t, "v4.sql")), context.Background()
	added, err := s.Take(ctx, packed(payload(4, 40), payload(7, 40)))
	require.NoError(t, err, "Take: want one of the two new")
	assert.Equal(t, 1, added, "Take: want one of the two new")
	want := []harness.Taken{payload(4, 40), payload(5, 3), payload(6, 3), payload(7, 40)}
	want[2].Raw = nil // it was too large for a row
	var got []harness.Taken
	err = s.EachTaken(ctx, func(p harness.Taken) error {
		got = append(got, p)
		return nil
	})
	require.NoError(t, err, "EachTaken")
	require.Len(t, got, len(want), "EachTaken")
	for i := range want {
		require.True(t, bytes.Equal(got[i].Raw, want[i].Raw), "payload %d reads %q, want %q", i, got[i].Raw, want[i].Raw)
		assert.Equal(t, want[i].Hash, got[i].Hash, "payload %d reads %q, want %q", i, got[i].Raw, want[i].Raw)
	}
	figures, err := s.TakenOf(ctx, "", "")
	assert.False(t, err != nil || len(figures) != 4 || !bytes.Contains(
		figures[0].Figures, []byte("200000000"),
	) || figures[1].Figures != nil || figures[1].Problem != "no JSON",
		"TakenOf = %+v, %v: not as version 4 kept it", figures, err)
	lines, err := s.Lines(ctx, "r1", "s000-candidate")
	require.NoError(t, err)
	require.Len(t, lines, 2, "Lines = %+v, %v: not as version 4 kept them", lines, err)
	assert.Equal(t, "\xff\x00 no JSON", lines[1].Text, "Lines = %+v, %v: not as version 4 kept them", lines, err)
}

// TestTornPayload: a payload whose stored bytes were damaged is refused, and named.
func TestTornPayload(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "bench.sqlite"), context.Background()
	s := openAt(t, path)
	_, err := s.Take(ctx, packed(payload(1, 100)))
	require.NoError(t, err)
	other := Pack(payload(2, 100))
	for _, damage := range [][]byte{{0xff, 0xff}, other.row.Raw} {
		_, err := raw(t, path).Exec("UPDATE taken SET raw = ?", damage)
		require.NoError(t, err)
		err = s.EachTaken(ctx, func(harness.Taken) error { return nil })
		require.ErrorContains(t, err, "day.json: a stored payload is corrupt", "EachTaken: want the payload's source and that it is corrupt")
	}
}

func TestTakeKeepsAPayloadOnce(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	batch := packed(payload(1, 10), payload(2, 10), payload(1, 10))
	added, err := s.Take(ctx, batch)
	require.NoError(t, err, "Take")
	require.Equal(t, 2, added, "Take")
	added, err = s.Take(ctx, batch)
	require.NoError(t, err, "Take of the same again")
	assert.Equal(t, 0, added, "Take of the same again")
	got, err := s.TakenOf(ctx, "org.lilims.bench", "")
	require.NoError(t, err, "TakenOf")
	require.Len(t, got, 2, "TakenOf")
	require.Equal(t, payload(1, 10).Hash, got[0].Hash, "TakenOf")
	require.Equal(t, payload(1, 10).Begin, got[0].Begin, "TakenOf")
	assert.Equal(t, "[]", string(got[0].Figures), "TakenOf")
	got, err = s.TakenOf(ctx, "", "iPhone99,1")
	require.NoError(t, err, "TakenOf another device")
	assert.Empty(t, got, "TakenOf another device")
}

func TestTakenBetween(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	day := payload(1, 10)
	day.End = "2026-10-25T22:58:00Z"
	_, err := s.Take(ctx, packed(day))
	require.NoError(t, err)
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return moment
	}
	for _, c := range []struct {
		device, from, to string
		want             int
	}{
		{"iPhone15,4", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", 1},
		{"iPhone15,4", "2026-10-25T23:00:00Z", "2026-10-26T01:00:00Z", 0},
		{"iPhone15,4", "2026-10-24T20:00:00Z", "2026-10-24T22:00:00Z", 0},
		{"iPhone12,1", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", 0},
	} {
		got, err := s.TakenBetween(ctx, c.device, at(c.from), at(c.to))
		require.NoError(t, err, "TakenBetween(%s, %s, %s)", c.device, c.from, c.to)
		assert.Len(t, got, c.want, "TakenBetween(%s, %s, %s)", c.device, c.from, c.to)
	}
}
