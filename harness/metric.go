package harness

import (
	"strings"
	"sync"
	"unicode"
)

// Better says which direction of a metric is an improvement.
type Better string

const (
	Higher Better = "higher"
	Lower  Better = "lower"
)

// Assumption says what a comparison may assume of a metric's session medians.
type Assumption string

const (
	AssumeLogNormal Assumption = "lognormal" // ratios of session medians are compared on the log scale
	AssumeExact     Assumption = "exact"     // the same on every run of the same build
)

// Metric is a figure's name, unit, direction and assumption.
type Metric struct {
	Name   string     `json:"name"`
	Unit   string     `json:"unit"`
	Better Better     `json:"better"`
	Assume Assumption `json:"assume"`
	What   string     `json:"what"` // one line, for reports
	Label  string     `json:"-"`    // what people call it: tables show it, and it is accepted wherever a metric is named
}

// Names of the metrics.
const (
	DecodeTokS        = "decode_tok_s"
	PrefillTokS       = "prefill_tok_s"
	TTFT              = "ttft_s"
	TTFTFirstEver     = "ttft_first_ever_s"
	TTFTCold          = "ttft_cold_s"
	ITLP50            = "itl_p50_s"
	ITLP95            = "itl_p95_s"
	ITLP99            = "itl_p99_s"
	LoadFirstEver     = "load_first_ever_s"
	LoadCold          = "load_cold_s"
	LoadWarm          = "load_warm_s"
	PeakFootprint     = "peak_footprint_bytes"
	PeakFootprintHost = "peak_footprint_host_bytes"
	LoadedFootprint   = "loaded_footprint_bytes"
	PeakPrefill       = "peak_prefill_bytes"
	PeakDecode        = "peak_decode_bytes"
	LifetimePeak      = "lifetime_peak_bytes"
	LeastAvailable    = "least_available_bytes"
	Energy            = "energy_j"
	EnergyPerToken    = "energy_per_token_j"
	Retention60       = "retention_60s"
	Retention300      = "retention_300s"
	TimeTo90          = "time_to_90_s"
	TimeTo75          = "time_to_75_s"
	Perplexity        = "perplexity"
	ModelBytes        = "model_bytes"
	GreedyMatch       = "greedy_match" // of two builds, not of a session
)

// Names of readings from which metrics are derived. They are samples, many in a session.
const (
	Footprint     = "footprint_bytes"      // the app's own footprint: phys_footprint on Apple platforms
	FootprintHost = "footprint_host_bytes" // the process's footprint as the host sees it
	LedgerPeak    = "ledger_peak_bytes"    // highest footprint of the process so far, as the kernel's ledger has it
	Available     = "available_bytes"      // least that the system would still have let the app allocate in a phase
	Neural        = "neural_bytes"         // what the kernel's ledger books as the Neural Engine's
	ProbeTokS     = "probe_tok_s"          // speed of a probe before the session
	EnergyCheck   = "energy_check_ratio"   // the gauge's energy over the same by another way, which the method names
	ThermalRank   = "thermal_rank"         // a change of the thermal state: 0 nominal to 3 critical, unit "rank"
)

// Metrics lists every metric that a session can yield, in the order in which reports show them.
func Metrics() []Metric {
	return []Metric{
		{DecodeTokS, "tok/s", Higher, AssumeLogNormal, "tokens after the first, over the time from the first to the last", "decode"},
		{PrefillTokS, "tok/s", Higher, AssumeLogNormal, "prompt tokens over the duration of the prompt's pass", "prefill"},
		{TTFT, "s", Lower, AssumeLogNormal, "request to first token, model loaded and warm", "time to first token, warm"},
		{TTFTCold, "s", Lower, AssumeLogNormal, "request to first token in the first iteration of a process", "time to first token, cold"},
		{TTFTFirstEver, "s", Lower, AssumeLogNormal, "request to first token in the first process after an install", "time to first token, first ever"},
		{ITLP50, "s", Lower, AssumeLogNormal, "inter-token latency, median", "inter-token latency p50"},
		{ITLP95, "s", Lower, AssumeLogNormal, "inter-token latency, 95th percentile", "inter-token latency p95"},
		{ITLP99, "s", Lower, AssumeLogNormal, "inter-token latency, 99th percentile", "inter-token latency p99"},
		{LoadFirstEver, "s", Lower, AssumeLogNormal, "model load, first after an install (compiles)", "load, first ever"},
		{LoadCold, "s", Lower, AssumeLogNormal, "model load, first of a process", "load, cold"},
		{LoadWarm, "s", Lower, AssumeLogNormal, "model load, again in the same process", "load, warm"},
		{PeakFootprint, "B", Lower, AssumeLogNormal, "highest footprint that the app saw of itself", "peak memory, app"},
		{LoadedFootprint, "B", Lower, AssumeLogNormal, "the app's footprint when its model had been loaded", "memory once loaded, app"},
		{PeakPrefill, "B", Lower, AssumeLogNormal, "highest footprint that the app saw during the prompt's pass", "peak memory in prefill, app"},
		{PeakDecode, "B", Lower, AssumeLogNormal, "highest footprint that the app saw while it generated", "peak memory in decode, app"},
		{LifetimePeak, "B", Lower, AssumeLogNormal, "highest footprint of the process's life by the kernel's ledger", "peak memory of the process, kernel"},
		{LeastAvailable, "B", Higher, AssumeLogNormal, "least memory that the system would still have let the app allocate", "least memory left, app"},
		{PeakFootprintHost, "B", Lower, AssumeLogNormal, "highest footprint that the host saw of the process", "peak memory, host"},
		{Energy, "J", Lower, AssumeLogNormal, "device energy over the session, idle subtracted where stated", "energy per session"},
		{EnergyPerToken, "J", Lower, AssumeLogNormal, "device energy per generated token", "energy per token"},
		{Retention60, "ratio", Higher, AssumeLogNormal, "throughput at 60 s over the peak window", "throughput kept at 60 s"},
		{Retention300, "ratio", Higher, AssumeLogNormal, "throughput at 300 s over the peak window", "throughput kept at 300 s"},
		{TimeTo90, "s", Higher, AssumeLogNormal, "first token to the time when throughput has lastingly fallen below 90 % of the peak window", "time to 90 % of peak"},
		{TimeTo75, "s", Higher, AssumeLogNormal, "the same for 75 %", "time to 75 % of peak"},
		{Perplexity, "1", Lower, AssumeExact, "of the scenario's text, in the first launch", "perplexity"},
		{ModelBytes, "B", Lower, AssumeExact, "size of the model on disk", "model on disk"},
		{GreedyMatch, "ratio", Higher, AssumeExact, "share of greedily generated tokens that the candidate has in common with the baseline", "greedy tokens in common with the baseline"},
	}
}

// MetricNamed returns the metric of that name or label, and whether there is one. Upper and lower case, and what stands
// between two words, make no difference: "Decode" and "DECODE_TOK_S" are decode_tok_s, and "load-cold" is "load, cold".
// Who reads a stored name, not a person's, compares it with the Name of what is returned.
func MetricNamed(text string) (Metric, bool) {
	known := metricIndex()
	if m, ok := known[text]; ok {
		return m, true
	}
	m, ok := known[foldName(text)]
	return m, ok
}

// metricIndex holds the metrics by name, and by folded name and label. It is read, never changed.
var metricIndex = sync.OnceValue(func() map[string]Metric {
	known := map[string]Metric{}
	for _, m := range Metrics() {
		known[m.Name], known[foldName(m.Name)], known[foldName(m.Label)] = m, m, m
	}
	return known
})

// foldName keeps the words of a name in lower case, one space between two.
func foldName(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// OncePerSession reports whether a metric has one reading a session; the others have one an iteration.
func OncePerSession(metric string) bool {
	switch metric {
	case DecodeTokS, PrefillTokS, TTFT, ITLP50, ITLP95, ITLP99, PeakPrefill, PeakDecode:
		return false
	}
	return true
}
