package harness

// Claims is what a release promises before anybody has it: what the release checks compare measurements with.
type Claims struct {
	Name     string      `json:"name"`
	Model    string      `json:"model"` // that the release ships
	Memory   MemoryClaim `json:"memory"`
	Soak     Claim       `json:"soak"`      // of a scenario with a duration
	AppBytes float64     `json:"app_bytes"` // at most, app and model, as installed
	Claims   []Claim     `json:"claims"`
}

// MemoryClaim says on which device the model must fit, with how deep a cache.
type MemoryClaim struct {
	Device  string `json:"device"`  // of the catalogue
	Context int    `json:"context"` // tokens
}

// Claim promises figures of one device, model and scenario.
type Claim struct {
	Device   string             `json:"device"`
	Model    string             `json:"model,omitempty"` // empty: the release's
	Scenario string             `json:"scenario"`
	Bounds   map[string]float64 `json:"bounds"` // metric -> at most, or at least where higher is better; base units
}
