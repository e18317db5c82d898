package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
		if _, err := s.Take(ctx, packed(p)); err != nil {
			t.Fatal(err)
		}
		want = append(want, raw)
	}
	var got [][]byte
	err := s.EachTaken(ctx, func(p harness.Taken) error {
		got = append(got, p.Raw)
		return nil
	})
	if err != nil || !slices.EqualFunc(got, want, func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }) {
		t.Errorf("EachTaken = %d payloads, %v, want the %d that came, byte for byte", len(got), err, len(want))
	}
}

// TestVersion4 opens a database that kept payloads as they came: they come back as before, beside those that are packed,
// and are not taken in again.
func TestVersion4(t *testing.T) {
	s, ctx := openAt(t, dumped(t, "v4.sql")), context.Background()
	if added, err := s.Take(ctx, packed(payload(4, 40), payload(7, 40))); err != nil || added != 1 {
		t.Errorf("Take = %d, %v, want one of the two new", added, err)
	}
	want := []harness.Taken{payload(4, 40), payload(5, 3), payload(6, 3), payload(7, 40)}
	want[2].Raw = nil // it was too large for a row
	var got []harness.Taken
	err := s.EachTaken(ctx, func(p harness.Taken) error {
		got = append(got, p)
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("EachTaken = %d payloads, %v, want %d", len(got), err, len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].Raw, want[i].Raw) || got[i].Hash != want[i].Hash {
			t.Errorf("payload %d reads %q, want %q", i, got[i].Raw, want[i].Raw)
		}
	}
	figures, err := s.TakenOf(ctx, "", "")
	if err != nil || len(figures) != 4 || !bytes.Contains(figures[0].Figures, []byte("200000000")) || figures[1].Figures != nil || figures[1].Problem != "no JSON" {
		t.Errorf("TakenOf = %+v, %v: not as version 4 kept it", figures, err)
	}
	if lines, err := s.Lines(ctx, "r1", "s000-candidate"); err != nil || len(lines) != 2 || lines[1].Text != "\xff\x00 no JSON" {
		t.Errorf("Lines = %+v, %v: not as version 4 kept them", lines, err)
	}
}

// TestTornPayload: a payload whose stored bytes were damaged is refused, and named.
func TestTornPayload(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "bench.sqlite"), context.Background()
	s := openAt(t, path)
	if _, err := s.Take(ctx, packed(payload(1, 100))); err != nil {
		t.Fatal(err)
	}
	other := Pack(payload(2, 100))
	for _, damage := range [][]byte{{0xff, 0xff}, other.row.Raw} {
		if _, err := raw(t, path).Exec("UPDATE taken SET raw = ?", damage); err != nil {
			t.Fatal(err)
		}
		err := s.EachTaken(ctx, func(harness.Taken) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "day.json: a stored payload is corrupt") {
			t.Errorf("EachTaken = %v, want the payload's source and that it is corrupt", err)
		}
	}
}

func TestTakeKeepsAPayloadOnce(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	batch := packed(payload(1, 10), payload(2, 10), payload(1, 10))
	if added, err := s.Take(ctx, batch); err != nil || added != 2 {
		t.Fatalf("Take = %d, %v, want 2 new payloads", added, err)
	}
	if added, err := s.Take(ctx, batch); err != nil || added != 0 {
		t.Errorf("Take of the same again = %d, %v, want none new", added, err)
	}
	got, err := s.TakenOf(ctx, "org.lilims.bench", "")
	if err != nil || len(got) != 2 || got[0].Hash != payload(1, 10).Hash || got[0].Begin != payload(1, 10).Begin || string(got[0].Figures) != "[]" {
		t.Errorf("TakenOf = %+v, %v, want both", got, err)
	}
	if got, err := s.TakenOf(ctx, "", "iPhone99,1"); err != nil || len(got) != 0 {
		t.Errorf("TakenOf another device = %d payloads, %v, want none", len(got), err)
	}
}

func TestTakenBetween(t *testing.T) {
	s, ctx := openAt(t, filepath.Join(t.TempDir(), "bench.sqlite")), context.Background()
	day := payload(1, 10)
	day.End = "2026-10-25T22:58:00Z"
	if _, err := s.Take(ctx, packed(day)); err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
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
		if got, err := s.TakenBetween(ctx, c.device, at(c.from), at(c.to)); err != nil || len(got) != c.want {
			t.Errorf("TakenBetween(%s, %s, %s) = %d payloads, %v, want %d", c.device, c.from, c.to, len(got), err, c.want)
		}
	}
}
