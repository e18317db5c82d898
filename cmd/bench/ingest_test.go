package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIngestTooLarge: what is too large to be read is kept whole, whether it came in a file or through a pipe, and what
// stood before it is read.
func TestIngestTooLarge(t *testing.T) {
	whole := append([]byte(`{"memoryMetrics":{"peakMemoryUsage":"200 kB"}}`+"\n"+`{"memoryMetrics":{"peakMemoryUsage":"`), bytes.Repeat([]byte("9"), 65<<20)...)
	file := filepath.Join(t.TempDir(), "large.json")
	if err := os.WriteFile(file, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	for source, named := range map[string]string{file: file, "-": "standard input"} {
		t.Run(filepath.Base(source), func(t *testing.T) {
			data := t.TempDir()
			var out, errs bytes.Buffer
			env := stillEnv(&out, &errs)
			env.Stdin = bytes.NewReader(whole)
			code := run(t.Context(), env, []string{"ingest", "metrickit", source, "--json", "--data", data})
			if code != exitUsage || !strings.Contains(errs.String(), named+": larger than 64 MiB") ||
				!strings.Contains(errs.String(), "1 payloads with 1 records, 1 not readable; 2 new") {
				t.Errorf("exit %d, said %s", code, errs.String())
			}
			if !strings.Contains(out.String(), `"value":200000`) {
				t.Errorf("the payload before it: %s", out.String())
			}
			kept, err := os.ReadFile(filepath.Join(data, "payloads", fmt.Sprintf("%x.json", sha256.Sum256(whole))))
			if err != nil || !bytes.Equal(kept, whole) {
				t.Errorf("kept %d bytes of %d: %v", len(kept), len(whole), err)
			}
			if left, _ := os.ReadDir(filepath.Join(data, "payloads")); len(left) != 1 {
				t.Errorf("%d files beside it", len(left)-1)
			}
			exported := filepath.Join(t.TempDir(), "exported")
			if code := run(t.Context(), env, []string{"export", "--format", "metrickit", "-o", exported, "--data", data}); code != exitOK {
				t.Fatalf("exit %d, said %s", code, errs.String())
			}
			for _, want := range [][]byte{whole, whole[:bytes.IndexByte(whole, '\n')]} {
				if got, err := os.ReadFile(filepath.Join(exported, fmt.Sprintf("%x.json", sha256.Sum256(want)))); err != nil || !bytes.Equal(got, want) {
					t.Errorf("exported %d bytes of %d: %v", len(got), len(want), err)
				}
			}
		})
	}
}
