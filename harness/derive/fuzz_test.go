package derive

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// FuzzFold feeds damaged event files. Whatever comes: no line is lost, every iteration has an outcome and comes once,
// figures come from good iterations only and can be stored, and reading the file twice adds nothing.
func FuzzFold(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*.jsonl"))
	require.NoError(f, err, "no fixtures")
	require.NotEmpty(f, files, "no fixtures")
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(text)
		f.Add(append(text, text...))
		f.Add(text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		expect := Expect{Session: "s", Duration: 5 * time.Minute}
		r := foldText(t, expect, text, harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "ended"})
		outcome := map[int]harness.Outcome{}
		for _, it := range r.its {
			assert.NotEmpty(t, it.Outcome, "iteration %d has no outcome", it.Index)
			_, twice := outcome[it.Index]
			assert.False(t, twice, "iteration %d came twice", it.Index)
			outcome[it.Index] = it.Outcome
		}
		for _, s := range r.samples {
			if s.Source == harness.SourceDerived && s.Iteration != nil {
				assert.Equal(t, harness.OutcomeOK, outcome[*s.Iteration],
					"%s of iteration %d, which is %q", s.Metric, *s.Iteration, outcome[*s.Iteration])
			}
			if s.Value < 0 {
				assert.NotEqual(t, harness.SourceDerived, s.Source, "%s = %v", s.Metric, s.Value)
			}
			_, err := json.Marshal(s)
			require.NoError(t, err, "%s cannot be stored", s.Metric)
		}
		if len(text) == 0 || text[len(text)-1] == '\n' {
			again := foldText(t, expect, append(bytes.Clone(text), text...), harness.Exit{Outcome: harness.OutcomeAppCrash})
			if r.summary.Garbled == 0 {
				assert.Equal(t, r.summary.Tokens, again.summary.Tokens, "read twice: %d tokens, once: %d", again.summary.Tokens, r.summary.Tokens)
			}
		}
	})
}
