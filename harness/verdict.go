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
	OverLimit     Judgement = "over_limit" // an absolute limit is broken, whatever the baseline does
	Differs       Judgement = "differs"    // the builds do not say the same, which no limit forbids
	Missing       Judgement = "missing"    // the policy requires it and nothing was measured
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
	Value     *float64  `json:"value,omitempty"` // of a verdict about an absolute limit, base units
	Limit     *float64  `json:"limit,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Warnings  []string  `json:"warnings,omitempty"`
}

// Baseline is an accepted build with its series for one case on one device.
type Baseline struct {
	Case        string                     `json:"case"`
	Build       Build                      `json:"build"`
	Fingerprint Fingerprint                `json:"fingerprint"`
	AcceptedAt  time.Time                  `json:"accepted_at"`
	AcceptedBy  string                     `json:"accepted_by"`
	Reason      string                     `json:"reason"`
	Series      map[string][]BaselineNight `json:"series"` // by metric, oldest night first
}

// BaselineNight is one night of a baseline: against stored values, the night is the unit of replication.
type BaselineNight struct {
	Night    string      `json:"night"`    // 2026-11-23, UTC
	Runs     []string    `json:"runs"`     // whence the sessions are
	Sessions [][]float64 `json:"sessions"` // kept readings of each session
}
