package metrickit

import "encoding/json"

// Kind sorts records.
type Kind string

const (
	Metric     Kind = "metric"     // one value
	Average    Kind = "average"    // a mean with standard deviation and number of samples
	Histogram  Kind = "histogram"  // buckets
	Count      Kind = "count"      // how often something happened
	Diagnostic Kind = "diagnostic" // a crash, hang, exception or slow launch, with its call stacks summarised
	Unknown    Kind = "unknown"    // a field that this package does not know, as JSON
)

// Record is one thing that a payload says. Absent fields were not said.
type Record struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"` // where in the payload: memoryMetrics.peakMemoryUsage
	Name string `json:"name"` // last part of the path, spelled as in the newest version

	Signpost string `json:"signpost,omitempty"` // name and category of the signpost it belongs to
	Category string `json:"category,omitempty"`
	State    *State `json:"state,omitempty"` // iOS 27: the app's own state during which it was gathered

	Value   *float64 `json:"value,omitempty"`
	Unit    string   `json:"unit,omitempty"` // base unit
	Text    string   `json:"text,omitempty"` // as the phone wrote it
	SD      *float64 `json:"sd,omitempty"`   // in the base unit
	Samples *int64   `json:"samples,omitempty"`
	Buckets []Bucket `json:"buckets,omitempty"` // ascending

	Detail map[string]json.RawMessage `json:"detail,omitempty"` // a diagnostic's meta data, as JSON
	Stack  *Stack                     `json:"stack,omitempty"`
	Raw    json.RawMessage            `json:"raw,omitempty"` // of an unknown field

	Warnings []string `json:"warnings,omitempty"`

	Window
	Environment
}

// Bucket is one bar of a histogram, in the record's unit.
type Bucket struct {
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
	Count int64    `json:"count"`
}

// State is a state that the app reported to MetricKit (iOS 27).
type State struct {
	Domain string `json:"domain"`
	Label  string `json:"label"`
}

// Window is the time that a payload speaks of, in RFC 3339, as UTC. ZoneStated is false where the payload gave no
// zone: the times may then be off by the phone's offset. Begin equals End for payloads that speak of an instant.
type Window struct {
	Begin      string `json:"begin,omitempty"`
	End        string `json:"end,omitempty"`
	ZoneStated bool   `json:"zone_stated"`
}

// Environment is what a payload states of app and phone; it is what payloads are joined to runs by.
type Environment struct {
	App        string `json:"app_version,omitempty"`
	AppBuild   string `json:"app_build,omitempty"`
	BundleID   string `json:"bundle_id,omitempty"`
	OS         string `json:"os_version,omitempty"` // "14.0.1"
	OSBuild    string `json:"os_build,omitempty"`   // "18A393"
	Device     string `json:"device_type,omitempty"`
	Processor  string `json:"architecture,omitempty"` // "arm64e"
	Region     string `json:"region,omitempty"`
	LowPower   *bool  `json:"low_power,omitempty"`
	TestFlight *bool  `json:"testflight,omitempty"`
	PID        *int64 `json:"pid,omitempty"`
}

// Stack summarises a diagnostic's call stacks; the raw payload keeps them whole.
type Stack struct {
	Threads    int    `json:"threads"`
	Frames     int    `json:"frames"`
	Depth      int    `json:"depth"`
	Attributed string `json:"attributed,omitempty"` // innermost frame of the thread that is to blame: "Binary+offset"
}

// Payload is one payload, read.
type Payload struct {
	Format     string // "metric", "diagnostic", "report" (iOS 27 metrics) or "diagnostic_report"
	Convention Convention
	Records    []Record
	Window
	Environment
}
