package interop

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/lilims/bench/harness"
)

// llamaTest is one test of llama-bench, of prompt processing or of generation, as far as it concerns this project. Its
// JSON and its CSV have the same names; only JSON has the single samples.
type llamaTest struct {
	Commit    string    `json:"build_commit"`
	CPU       string    `json:"cpu_info"`
	GPU       string    `json:"gpu_info"`
	File      string    `json:"model_filename"`
	Type      string    `json:"model_type"`
	Bytes     int64     `json:"model_size"`
	Prompt    int       `json:"n_prompt"`
	Generate  int       `json:"n_gen"`
	Depth     int       `json:"n_depth"`
	Time      string    `json:"test_time"`
	SamplesTS []float64 `json:"samples_ts"`
	AverageTS float64   `json:"avg_ts"`
}

// readLlamaJSON reads what `llama-bench -o json` prints: a list of tests.
func readLlamaJSON(text []byte) ([]Session, error) {
	var tests []llamaTest
	if err := json.Unmarshal(text, &tests); err != nil {
		return nil, err
	}
	return ofLlama(tests)
}

// isLlamaCSV tells a header line of `llama-bench -o csv`.
func isLlamaCSV(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.Contains(line, []byte("build_commit,")) && bytes.Contains(line, []byte("avg_ts"))
}

// readLlamaCSV reads what `llama-bench -o csv` prints: a header and a line a test.
func readLlamaCSV(text []byte) ([]Session, error) {
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, err
	}
	var tests []llamaTest
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		test, err := llamaRow(row)
		if err != nil {
			return nil, fmt.Errorf("test %d: %w", len(tests)+1, err)
		}
		tests = append(tests, test)
	}
	return ofLlama(tests)
}

func llamaRow(row map[string]string) (llamaTest, error) {
	var errs []error
	number := func(name string) float64 {
		text, ok := row[name]
		if !ok { // n_depth came late
			return 0
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q is not a number", name, text))
		}
		return v
	}
	test := llamaTest{Commit: row["build_commit"], CPU: row["cpu_info"], GPU: row["gpu_info"], File: row["model_filename"],
		Type: row["model_type"], Bytes: int64(number("model_size")), Prompt: int(number("n_prompt")),
		Generate: int(number("n_gen")), Depth: int(number("n_depth")), Time: row["test_time"], AverageTS: number("avg_ts")}
	return test, errors.Join(errs...)
}

func ofLlama(tests []llamaTest) ([]Session, error) {
	var out []Session
	for i, t := range tests {
		f, err := t.session()
		if err != nil {
			return nil, fmt.Errorf("test %d%w", i+1, err)
		}
		out = append(out, f)
	}
	return out, nil
}

// session is a test as a session of its own. Errors go on after the test's number.
func (t llamaTest) session() (Session, error) {
	f := Session{product: t.GPU, model: t.Type, build: t.Commit, modelBytes: t.Bytes, scenario: fmt.Sprintf("pp%d-tg%d", t.Prompt, t.Generate)}
	if f.product == "" {
		f.product = t.CPU
	}
	if f.model == "" {
		f.model = t.File
	}
	if t.Depth > 0 {
		f.scenario += fmt.Sprintf("-d%d", t.Depth)
	}
	if t.Time != "" {
		at, err := time.Parse(time.RFC3339, t.Time)
		if err != nil {
			return f, fmt.Errorf(": test_time: %w", err)
		}
		f.at = at.UTC()
	}
	values := t.SamplesTS
	if len(values) == 0 {
		values = []float64{t.AverageTS}
	}
	switch {
	case t.Prompt > 0 && t.Generate > 0:
		return f, errors.New(" mixes prompt and generation: its rate is of neither")
	case t.Prompt > 0:
		f.add(harness.PrefillTokS, values...)
	case t.Generate > 0:
		f.add(harness.DecodeTokS, values...)
	}
	return f, nil
}
