package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

func TestBooks(t *testing.T) {
	dir, c := t.TempDir(), hosttest.NewClock()
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
	c.Time = c.Time.Add(rescanAfter)
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
