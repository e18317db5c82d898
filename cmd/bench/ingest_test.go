package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestIngestTooLarge: what is too large to be read is kept whole, whether it came in a file or through a pipe, and what
// stood before it is read.
func TestIngestTooLarge(t *testing.T) {
	whole := append([]byte(`{"memoryMetrics":{"peakMemoryUsage":"200 kB"}}`+"\n"+`{"memoryMetrics":{"peakMemoryUsage":"`),
		bytes.Repeat([]byte("9"), 65<<20)...)
	file := filepath.Join(t.TempDir(), "large.json")
	require.NoError(t, os.WriteFile(file, whole, 0o644))
	for source, named := range map[string]string{file: file, "-": "standard input"} {
		t.Run(filepath.Base(source), func(t *testing.T) {
			data := t.TempDir()
			var out, errs bytes.Buffer
			env := stillEnv(&out, &errs)
			env.Stdin = bytes.NewReader(whole)
			code := run(t.Context(), env, []string{"ingest", "metrickit", source, "--json", "--data", data})
			assert.Equal(t, exitUsage, code, "exit %d, said %s", code, errs.String())
			assert.Contains(t, errs.String(), named+": larger than 64 MiB", "exit %d, said %s", code, errs.String())
			assert.Contains(t, errs.String(), "1 payloads with 1 records, 1 not readable; 2 new", "exit %d, said %s", code, errs.String())
			assert.Contains(t, out.String(), `"value":200000`, "the payload before it")
			kept, err := os.ReadFile(filepath.Join(data, "payloads", fmt.Sprintf("%x.json", sha256.Sum256(whole))))
			require.NoError(t, err, "kept %d bytes of %d", len(kept), len(whole))
			assert.True(t, bytes.Equal(kept, whole), "kept %d bytes of %d", len(kept), len(whole))
			left, _ := os.ReadDir(filepath.Join(data, "payloads"))
			assert.Len(t, left, 1, "%d files beside it", len(left)-1)
			exported := filepath.Join(t.TempDir(), "exported")
			code = run(t.Context(), env, []string{"export", "--format", "metrickit", "-o", exported, "--data", data})
			require.Equal(t, exitOK, code, "exit %d, said %s", code, errs.String())
			for _, want := range [][]byte{whole, whole[:bytes.IndexByte(whole, '\n')]} {
				got, err := os.ReadFile(filepath.Join(exported, fmt.Sprintf("%x.json", sha256.Sum256(want))))
				require.NoError(t, err, "exported %d bytes of %d", len(got), len(want))
				assert.True(t, bytes.Equal(got, want), "exported %d bytes of %d", len(got), len(want))
			}
		})
	}
}
