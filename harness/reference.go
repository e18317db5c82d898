package harness

import "time"

// ReferenceKey is what a cold reference belongs to: one device with one OS, running one build with one model, asked by one
// probe.
type ReferenceKey struct {
	UDID      string `json:"udid"`
	OSBuild   string `json:"os_build"`
	ModelHash string `json:"model_hash"`
	BuildHash string `json:"build_hash"`
	Probe     string `json:"probe"` // hash of the probe's scenario
}

// Reference is how fast a device generated when it was cold: what a probe before a session is compared with.
type Reference struct {
	Key     ReferenceKey `json:"key"`
	TokS    float64      `json:"tok_s"`
	Run     string       `json:"run"` // the run before whose session it was taken
	Session string       `json:"session"`
	At      time.Time    `json:"at"`
	State   DeviceState  `json:"state"` // of the device just before the probe
}
