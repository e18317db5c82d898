package harness

import "time"

// Judgement is the gate's answer for one metric of one case.
type Judgement string

const (
	Pass          Judgement = "pass"
	Regression    Judgement = "regression"
	Improvement   Judgement = "improvement"
	NearThreshold Judgement = "near_threshold"
	Inconclusive  Judgement = "inconclusive"
	NoBaseline    Judgement = "no_baseline"
	Incomparable  Judgement = "incomparable"
)

// Verdict is a judgement with its evidence. Estimate and interval are relative changes in the metric, positive worse:
// 0.12 is 12 % fewer tokens a second, or 12 % more joules.
type Verdict struct {
	Case      string    `json:"case"`
	Metric    string    `json:"metric"`
	Judgement Judgement `json:"judgement"`
	Estimate  *float64  `json:"estimate,omitempty"`
	Low       *float64  `json:"low,omitempty"`
	High      *float64  `json:"high,omitempty"`
	Pairs     int       `json:"pairs"`
	Noise     *float64  `json:"noise,omitempty"` // SD of a pair's log ratio
	Threshold float64   `json:"threshold"`
	Reason    string    `json:"reason,omitempty"`
	Warnings  []string  `json:"warnings,omitempty"`
}

// Baseline is an accepted build with its series for one case.
type Baseline struct {
	Case        string                 `json:"case"`
	Build       Build                  `json:"build"`
	Fingerprint Fingerprint            `json:"fingerprint"`
	AcceptedAt  time.Time              `json:"accepted_at"`
	AcceptedBy  string                 `json:"accepted_by"`
	Reason      string                 `json:"reason"`
	Series      map[string][][]float64 `json:"series"` // metric -> session -> kept iterations
}
