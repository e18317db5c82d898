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

// Metric is all that is known of a figure: what it is called, how it is compared, and how it is explained.
type Metric struct {
	Name   string     `json:"name"` // in event lines, stores, files and policies
	Unit   string     `json:"unit"` // base unit: tok/s, s, B, J, ratio, 1
	Better Better     `json:"better"`
	Assume Assumption `json:"assume"`
	What   string     `json:"what"` // one line, for reports
	Label  string     `json:"-"`    // what people call it: tables show it, and it is accepted wherever a metric is named

	// Meaning is what a reader must know of what the figure counts and what it does not; "": What says it.
	Meaning string `json:"-"`
	// Absent is why a case has no value where no session says so: the plan did not contain its circumstances. "": unknown.
	Absent string `json:"-"`
	// Optional: left out of tables where nobody measured it and no session says why.
	Optional bool `json:"-"`
	// PerIteration: one reading an iteration. The others have one a session.
	PerIteration bool `json:"-"`
	// Sent: the app sends the figure itself, as readings of this name, in Unit. The others are derived from its events
	// and from what the host reads.
	Sent bool `json:"-"`
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
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	return strings.Join(strings.FieldsFunc(strings.ToLower(text), between), " ")
}

// OncePerSession reports whether a metric has one reading a session; the others have one an iteration.
func OncePerSession(metric string) bool { return !metricIndex()[metric].PerIteration }
