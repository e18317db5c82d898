package harness

import "time"

// Plan is the ordered list of sessions to execute. Same selection and seed, same plan.
type Plan struct {
	Seed     uint64           `json:"seed"`
	Builds   []Build          `json:"builds"`
	Cases    []Case           `json:"cases"`
	Sessions []PlannedSession `json:"sessions"`
}

// DeviceNames are the names of the plan's devices, each device once.
func (p Plan) DeviceNames() []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range p.Cases {
		if !seen[c.Device.UDID] {
			seen[c.Device.UDID] = true
			out = append(out, PrintableLine(c.Device.Name))
		}
	}
	return out
}

// PlannedSession is one launch of the app: an index into the plan's cases, the arm it runs, and its place.
type PlannedSession struct {
	ID       string `json:"id"` // unique within the run, stable for the same plan: "s003-candidate"
	Ordinal  int    `json:"ordinal"`
	Case     int    `json:"case"` // index into Plan.Cases
	Arm      Arm    `json:"arm"`
	Pair     int    `json:"pair"`      // interleaved pair it belongs to, from 0
	ColdFrom bool   `json:"cold_from"` // first launch after an install in this plan, as far as the plan can know
}

// Run is one execution of a plan.
type Run struct {
	ID          string      `json:"id"`
	Revision    string      `json:"revision"` // of the harness
	Fingerprint Fingerprint `json:"fingerprint"`
	Start       time.Time   `json:"start"`
	End         *time.Time  `json:"end,omitempty"`
	Synthetic   bool        `json:"synthetic"`
	Host        string      `json:"host"`
	Plan        Plan        `json:"plan"`
}

// Protocol is the number of the measuring contract: raised by hand, here, with every change of the harness, the app or the
// runtime's probes by which a figure would change its meaning, and with no other. Runs of different protocols are not
// comparable; a run's Revision says which harness has made it.
const Protocol = "1"

// Fingerprint is all that must agree before two runs may be compared.
type Fingerprint struct {
	UDID         string     `json:"udid"`
	OSBuild      string     `json:"os_build"`
	ModelHash    string     `json:"model_hash"`
	ScenarioHash string     `json:"scenario_hash"`
	Protocol     string     `json:"harness_version"` // [Protocol]; of runs before there was one, the harness's revision
	PowerMode    string     `json:"power_mode"`      // "normal", "low" or "unknown"
	Kind         DeviceKind `json:"kind"`
}

// Outcome is how an iteration or a session ended.
type Outcome string

const (
	OutcomeOK         Outcome = "ok"
	OutcomeThermal    Outcome = "thermal"     // the thermal rule was broken
	OutcomeJetsam     Outcome = "jetsam"      // killed by the system for memory
	OutcomeTimeout    Outcome = "timeout"     // no end within the limit: a hang
	OutcomeAppCrash   Outcome = "app_crash"   // the process ended on its own before its last event
	OutcomeDeviceLost Outcome = "device_lost" // cable pulled, phone gone, not back in time
	OutcomeInvalid    Outcome = "invalid"     // it ran, but its events cannot be trusted (garbled, clock jump)
	OutcomeError      Outcome = "error"       // the app reported an error: model load, out of memory
	OutcomeRefused    Outcome = "refused"     // never started: the device was not fit
	OutcomeCancelled  Outcome = "cancelled"   // a person stopped the run; it is made again when the run is resumed
)

// Iteration is one prompt-to-last-token execution. It always has an outcome.
type Iteration struct {
	Session      string        `json:"session"`
	Index        int           `json:"index"` // from 0; warm-ups come first and are marked
	Warmup       bool          `json:"warmup"`
	PromptTokens int           `json:"prompt_tokens"`
	Outcome      Outcome       `json:"outcome"`
	Reason       string        `json:"reason,omitempty"`
	BeginNs      int64         `json:"begin_ns"`             // device's monotonic clock
	PrefillNs    *int64        `json:"prefill_ns,omitempty"` // duration of the prompt's pass
	FirstTokenNs *int64        `json:"first_token_ns,omitempty"`
	EndNs        *int64        `json:"end_ns,omitempty"`
	TokenIDs     []int32       `json:"token_ids,omitempty"`
	TokenNs      []int64       `json:"token_ns,omitempty"` // time stamp of every token, device's monotonic clock
	Text         string        `json:"text,omitempty"`
	Thermal      *ThermalState `json:"thermal,omitempty"` // at its end
}

// Source says who took a sample.
type Source string

const (
	SourceApp      Source = "app"      // a probe inside the measured process
	SourceHost     Source = "host"     // read over the tether
	SourceDerived  Source = "derived"  // computed from other samples
	SourceImported Source = "imported" // someone else's file
	SourceModel    Source = "model"    // a modelled device
)

// Sample is one reading of one metric, in the metric's base unit.
type Sample struct {
	Session     string    `json:"session"`
	Iteration   *int      `json:"iteration,omitempty"` // absent: of the session as a whole
	Metric      string    `json:"metric"`
	Value       float64   `json:"value"`
	Unit        string    `json:"unit"`
	At          time.Time `json:"at"` // host clock
	DeviceNs    *int64    `json:"device_ns,omitempty"`
	Phase       string    `json:"phase,omitempty"` // load, prefill, decode, idle
	Source      Source    `json:"source"`
	Method      string    `json:"method,omitempty"`      // how it was obtained, where there is more than one way
	Uncertainty *float64  `json:"uncertainty,omitempty"` // half width of a 95 % interval, same unit
}

// Absence records why a figure is missing, so that a report can say so.
type Absence struct {
	Session string `json:"session"`
	Metric  string `json:"metric"`
	Reason  string `json:"reason"`
}

// Payload is a MetricKit payload as the phone delivered it.
type Payload struct {
	Session string    `json:"session,omitempty"`
	Name    string    `json:"name"`
	Kind    string    `json:"kind"` // metric or diagnostic
	At      time.Time `json:"at"`
	Raw     []byte    `json:"raw,omitempty"` // nil in a run that was read: the store hands out bytes one payload at a time
}

// Taken is a MetricKit payload that was ingested from a file. It is stored whatever it contains; Problem says why it could not be read.
type Taken struct {
	Hash       [32]byte  `json:"-"` // SHA-256 of the payload's bytes
	Source     string    `json:"source"`
	At         time.Time `json:"at"`
	Format     string    `json:"format,omitempty"` // metric, diagnostic, report or diagnostic_report
	DeviceType string    `json:"device_type,omitempty"`
	OSBuild    string    `json:"os_build,omitempty"`
	AppBuild   string    `json:"app_build,omitempty"`
	BundleID   string    `json:"bundle_id,omitempty"`
	Begin      string    `json:"begin,omitempty"` // RFC 3339; ZoneStated tells whether the phone named a zone
	End        string    `json:"end,omitempty"`
	ZoneStated bool      `json:"zone_stated"`
	Size       int64     `json:"size"`
	Raw        []byte    `json:"-"`                 // nil: too large for a row, kept in a file named by its hash
	Figures    []byte    `json:"figures,omitempty"` // JSON list of {path, value, unit, …}
	Problem    string    `json:"problem,omitempty"`
}
