package gate

import (
	"encoding/json"
	"fmt"

	"github.com/lilims/bench/harness"
)

// caseFile is one case in a file: raw iterations of each session of both arms, paired by position.
type caseFile struct {
	Name      string
	Metric    string // name or label; absent: decode_tok_s
	Better    string // higher or lower; absent: the metric's own
	Threshold float64
	Guard     float64
	Alpha     float64 `json:"alpha_fail_total"`
	Looks     []int
	S0        *float64 // SD of a pair's log ratio of the build against itself
	Baseline  [][]float64
	Candidate [][]float64
}

// DecodeCase reads one case with its rule from JSON: Name, Metric, Better, Threshold, Guard, Looks, S0, and the sessions of
// Baseline and Candidate, each a list of its readings. What is absent has the rule's defaults. Whether the values can be
// judged is for [Judge] to say.
func DecodeCase(text []byte) (Series, Rule, error) {
	var in caseFile
	if err := json.Unmarshal(text, &in); err != nil {
		return Series{}, Rule{}, err
	}
	if in.Metric == "" {
		in.Metric = harness.DecodeTokS
	}
	metric, ok := harness.MetricNamed(in.Metric)
	if !ok {
		return Series{}, Rule{}, fmt.Errorf("metric %q is not known", in.Metric)
	}
	if in.Better != "" {
		metric.Better = harness.Better(in.Better)
	}
	rule := Rule{Threshold: in.Threshold, Guard: in.Guard, Alpha: in.Alpha, Looks: in.Looks}
	return Series{Case: in.Name, Metric: metric, Baseline: in.Baseline, Candidate: in.Candidate, Noise: in.S0}, rule, nil
}
