package harness

import "time"

// CrossCheck is MetricKit's figures of one device in one window of time, beside what the runs in that window recorded
// themselves. MetricKit aggregates a day of all that the app did: it can contradict a run, never replace it.
type CrossCheck struct {
	UDID       string          `json:"udid"`
	Device     string          `json:"device"` // product type
	Kind       DeviceKind      `json:"kind"`   // of the device whose sessions are compared
	OSBuild    string          `json:"os_build,omitempty"`
	BundleID   string          `json:"bundle_id,omitempty"`
	AppBuild   string          `json:"app_build,omitempty"`
	Begin      time.Time       `json:"begin"`
	End        time.Time       `json:"end"`
	ZoneStated bool            `json:"zone_stated"`
	Payloads   []string        `json:"payloads"` // where they came from
	Runs       []string        `json:"runs"`
	Sessions   int             `json:"sessions"` // in the window
	Rows       []CrossCheckRow `json:"rows"`
	Notes      []string        `json:"notes,omitempty"`
}

// CrossCheckRow is one quantity of both. A nil side did not say.
type CrossCheckRow struct {
	What      string   `json:"what"`
	Unit      string   `json:"unit"`
	MetricKit *float64 `json:"metrickit,omitempty"`
	Ours      *float64 `json:"ours,omitempty"`
	Disagrees bool     `json:"disagrees"` // more than what differs between the two can explain
	Note      string   `json:"note,omitempty"`
}
