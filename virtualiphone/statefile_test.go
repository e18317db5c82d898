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
	for name, path := range map[string]string{"write fails": "state.json.part", "rename fails": "state.json"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inTheWay := filepath.Join(dir, path)
			require.NoError(t, os.MkdirAll(filepath.Join(inTheWay, "full"), 0o755))
			var said bytes.Buffer
			lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{
				Dir: t.TempDir(), Clock: phonetest.NewClock(), Log: slog.New(slog.NewTextHandler(&said, nil)),
			})
			require.NoError(t, err)
			phone := addPhone(t, lab, virtualiphone.PhoneOptions{Dir: dir, Detached: true})

			require.NoError(t, os.RemoveAll(inTheWay))
			phone.SetThermal("") // changes nothing, so the contents are those that could not be written
			text, err := os.ReadFile(filepath.Join(dir, "state.json"))
			require.NoError(t, err, "the write is not tried again")
			assert.Contains(t, string(text), `"thermal":"nominal"`)

			require.NoError(t, lab.Close())
			assert.Equal(t, 1, strings.Count(said.String(), "state file not written"), said.String())
		})
	}
}
