package modelstore

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestUnpackOnce(t *testing.T) {
	s := newStore(t)
	model, err := s.Find("story")
	require.NoError(t, err)
	got, err := s.Unpack(model)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(s.Data, "shipped", "story-"+model.Hash[:12]), got.Path)
	path := got.Path
	got.Path = ""
	assert.Equal(t, model, got, "nothing but the path is new")

	long := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	file := filepath.Join(path, "tokenizer.json")
	require.NoError(t, os.Chtimes(file, long, long))
	_, err = s.Unpack(model)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.True(t, info.ModTime().Equal(long), "a whole copy is not written again")
	assert.NotContains(t, onlyNames(t, s.Data), ".unpacking")
}

func TestUnpackReplacesADamagedCopy(t *testing.T) {
	s := newStore(t)
	model, err := s.Find("story")
	require.NoError(t, err)
	first, err := s.Unpack(model)
	require.NoError(t, err)
	for _, damage := range []func() error{
		func() error { return os.WriteFile(filepath.Join(first.Path, "tokenizer.json"), []byte("torn"), 0o644) },
		func() error { return os.Remove(filepath.Join(first.Path, "manifest.json")) },
		func() error { return os.WriteFile(filepath.Join(first.Path, "more"), nil, 0o644) },
	} {
		require.NoError(t, damage())
		again, err := s.Unpack(model)
		require.NoError(t, err)
		assert.Equal(t, first, again)
		_, err = Read(first.Path)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{filepath.Base(first.Path)}, onlyNames(t, s.Data))
}

// onlyNames lists what lies where models are unpacked.
func onlyNames(t *testing.T, data string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, "shipped"))
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestUnpackAtTheSameTime(t *testing.T) {
	s := newStore(t)
	model, err := s.Find("story")
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := s.Unpack(model)
			require.NoError(t, err)
			assert.NotEmpty(t, got.Path)
		})
	}
	all.Wait()
	assert.Equal(t, []string{"story-" + model.Hash[:12]}, onlyNames(t, s.Data))
}

func TestUnpackLeavesOthersAlone(t *testing.T) {
	s := newStore(t)
	onDisk := harness.Model{Name: "m", Hash: "h", Path: "/somewhere"}
	got, err := s.Unpack(onDisk)
	require.NoError(t, err)
	assert.Equal(t, onDisk, got)
	_, err = s.Unpack(harness.Model{Name: "m", Hash: "h"})
	require.ErrorContains(t, err, "no model with the hash h is built into the program")
	assert.NoDirExists(t, s.Data)
}

func TestUnpackRefusesADamagedProgram(t *testing.T) {
	s := newStore(t)
	model, err := s.Find("story")
	require.NoError(t, err)
	s.Shipped.Files.(fstest.MapFS)["story/tokenizer.json"].Data = []byte("other")
	_, err = s.Unpack(model)
	require.ErrorContains(t, err, "tokenizer.json")
	assert.Empty(t, onlyNames(t, s.Data), "nothing is left behind")
}

func TestUnpackWhereNothingCanBeWritten(t *testing.T) {
	s := newStore(t)
	model, err := s.Find("story")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.Data, nil, 0o644))
	_, err = s.Unpack(model)
	require.Error(t, err)
	assert.Equal(t, harness.KindStorage, harness.KindOf(err))
	assert.Contains(t, harness.HintOf(err), "--data")
}
