package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

func TestBooks(t *testing.T) {
	dir, c := t.TempDir(), hosttest.NewClock()
	write := func(name string, size int) {
		t.Helper()
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644))
	}
	write("old", 100)
	d, err := Open(dir, 1000, c)
	require.NoError(t, err)
	assert.Equal(t, int64(900), d.Free())
	require.ErrorIs(t, d.Reserve(901), ErrFull, "reserve too much")
	err = d.Reserve(900)
	require.NoError(t, err)
	assert.Equal(t, int64(0), d.Free(), "reserve the rest = %v, free %d", err, d.Free())
	d.Release(400)
	assert.Equal(t, int64(400), d.Free(), "free after a release")
	write("by an app", 300)
	c.Time = c.Time.Add(rescanAfter)
	assert.Equal(t, int64(600), d.Free(), "free after another look")
	d.SetFree(50)
	err = d.Reserve(51)
	require.ErrorIs(t, err, ErrFull, "a phone with 50 bytes free: %v, %d in all", err, d.Total())
	assert.Equal(t, int64(450), d.Total(), "a phone with 50 bytes free: %v, %d in all", err, d.Total())
	_, err = Open(dir, 0, c)
	require.Error(t, err, "a disk without capacity")
}
