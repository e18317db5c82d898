package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time                             { return c.now }
func (c *clock) Sleep(context.Context, time.Duration) error { return nil }
func (c *clock) After(time.Duration) <-chan time.Time       { return nil }

var _ harness.Clock = (*clock)(nil)

func TestBooks(t *testing.T) {
	dir, c := t.TempDir(), &clock{time.Unix(1_790_000_000, 0)}
	write := func(name string, size int) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("old", 100)
	d, err := Open(dir, 1000, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Free(); got != 900 {
		t.Errorf("free = %d, want 900", got)
	}
	if err := d.Reserve(901); !errors.Is(err, ErrFull) {
		t.Errorf("reserve too much = %v", err)
	}
	if err := d.Reserve(900); err != nil || d.Free() != 0 {
		t.Errorf("reserve the rest = %v, free %d", err, d.Free())
	}
	d.Release(400)
	if got := d.Free(); got != 400 {
		t.Errorf("free after a release = %d", got)
	}
	write("by an app", 300)
	c.now = c.now.Add(rescanAfter)
	if got := d.Free(); got != 600 {
		t.Errorf("free after another look = %d, want 600", got)
	}
	d.SetFree(50)
	if err := d.Reserve(51); !errors.Is(err, ErrFull) || d.Total() != 450 {
		t.Errorf("a phone with 50 bytes free: %v, %d in all", err, d.Total())
	}
	if _, err := Open(dir, 0, c); err == nil {
		t.Error("a disk without capacity")
	}
}
