package derive

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

// FuzzFold feeds damaged event files. Whatever comes: no line is lost, every iteration has an outcome and comes once,
// figures come from good iterations only and can be stored, and reading the file twice adds nothing.
func FuzzFold(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(fixtures, "*.jsonl"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no fixtures: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(append(text, text...))
		f.Add(text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		expect := Expect{Session: "s", Duration: 5 * time.Minute}
		r := foldText(t, expect, text, harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "ended"})
		outcome := map[int]harness.Outcome{}
		for _, it := range r.its {
			if it.Outcome == "" {
				t.Errorf("iteration %d has no outcome", it.Index)
			}
			if _, twice := outcome[it.Index]; twice {
				t.Errorf("iteration %d came twice", it.Index)
			}
			outcome[it.Index] = it.Outcome
		}
		for _, s := range r.samples {
			if s.Source == harness.SourceDerived && s.Iteration != nil && outcome[*s.Iteration] != harness.OutcomeOK {
				t.Errorf("%s of iteration %d, which is %q", s.Metric, *s.Iteration, outcome[*s.Iteration])
			}
			if s.Value < 0 && s.Source == harness.SourceDerived {
				t.Errorf("%s = %v", s.Metric, s.Value)
			}
			if _, err := json.Marshal(s); err != nil {
				t.Errorf("%s cannot be stored: %v", s.Metric, err)
			}
		}
		if len(text) == 0 || text[len(text)-1] == '\n' {
			again := foldText(t, expect, append(bytes.Clone(text), text...), harness.Exit{Outcome: harness.OutcomeAppCrash})
			if r.summary.Garbled == 0 && again.summary.Tokens != r.summary.Tokens {
				t.Errorf("read twice: %d tokens, once: %d", again.summary.Tokens, r.summary.Tokens)
			}
		}
	})
}
