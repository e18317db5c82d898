package virtualiphone_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/phonetest"
)

// TestAStateFileThatCannotBeWritten: what apps are told of the phone is late then, but it is not lost, and the log says why.
func TestAStateFileThatCannotBeWritten(t *testing.T) {
	t.Run("rename fails", func(t *testing.T) {
		dir := t.TempDir()
		inTheWay := filepath.Join(dir, "state.json")
		require.NoError(t, os.MkdirAll(filepath.Join(inTheWay, "full"), 0o755))
		phone, said := detached(t, dir)
		require.NoError(t, os.RemoveAll(inTheWay))
		phone.SetThermal("") // changes nothing, so the contents are those that could not be written
		assertTold(t, dir, "nominal", said)
	})
	t.Run("write fails", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "phone")
		phone, said := detached(t, dir)
		away := dir + ".away"
		require.NoError(t, os.Rename(dir, away))
		phone.SetThermal("fair")
		require.NoError(t, os.Rename(away, dir))
		phone.SetThermal("fair")
		assertTold(t, dir, "fair", said)
	})
}

// detached makes a phone that keeps its files in a folder; what it logs comes with it.
func detached(t *testing.T, dir string) (*virtualiphone.Phone, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{
		Dir: t.TempDir(), Clock: phonetest.NewClock(), Log: slog.New(slog.NewTextHandler(&said, nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, lab.Close()) })
	return addPhone(t, lab, virtualiphone.PhoneOptions{Dir: dir, Detached: true}), &said
}

// assertTold wants the thermal state in the state file, after one write that failed.
func assertTold(t *testing.T, dir, thermal string, said *bytes.Buffer) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "state.json"))
	require.NoError(t, err, "the write is not tried again")
	assert.Contains(t, string(text), `"thermal":"`+thermal+`"`)
	info, err := os.Stat(filepath.Join(dir, "state.json"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm(), "others may read it")
	assert.Equal(t, 1, strings.Count(said.String(), "state file not written"), said.String())
}
