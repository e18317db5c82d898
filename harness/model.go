package harness

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Model is a converted model as it lies on the host.
type Model struct {
	Name         string `json:"name"`
	Version      string `json:"version"` // semantic version
	Hash         string `json:"hash"`    // SHA-256 over the manifest's file list: names, sizes and hashes, in order
	Path         string `json:"path"`    // folder with manifest.json, model.mlpackage and tokenizer.json
	SizeBytes    int64  `json:"size_bytes"`
	Quantization string `json:"quantization,omitempty"` // "fp16", "int8", "int4"
	Context      int    `json:"context,omitempty"`      // tokens
}

// Build is a bench app build.
type Build struct {
	Arm           Arm    `json:"arm"`
	Path          string `json:"path"` // .ipa for a phone, executable for the local runner
	BundleID      string `json:"bundle_id"`
	Version       string `json:"version"`
	Number        string `json:"number,omitempty"` // CFBundleVersion: what MetricKit names a build by
	Revision      string `json:"revision"`         // git revision it was built from; "unknown" is refused by the gate
	Configuration string `json:"configuration"`    // "Release" or "Debug"
	Hash          string `json:"hash"`             // SHA-256 of the .ipa or executable
}

// Arm names the side of a comparison.
type Arm string

const (
	ArmCandidate Arm = "candidate"
	ArmBaseline  Arm = "baseline"
)

// ComputeUnits is MLComputeUnits by name.
type ComputeUnits string

const (
	ComputeAll                ComputeUnits = "all"
	ComputeCPUOnly            ComputeUnits = "cpu_only"
	ComputeCPUAndGPU          ComputeUnits = "cpu_and_gpu"
	ComputeCPUAndNeuralEngine ComputeUnits = "cpu_and_neural_engine"
)

// Scenario is what is asked of a model. Lengths are in tokens of the model's own tokenizer.
type Scenario struct {
	Name           string `json:"name"`
	Prompt         string `json:"prompt,omitempty"`        // literal text; empty: PromptTokens of the built-in corpus
	PromptTokens   int    `json:"prompt_tokens,omitempty"` // exact length; the agent cuts or repeats the prompt to it
	GenerateTokens int    `json:"generate_tokens"`         // exact; end-of-sequence is ignored unless StopAtEnd
	StopAtEnd      bool   `json:"stop_at_end,omitempty"`
	KVDepth        int    `json:"kv_depth,omitempty"` // tokens already in the cache before the prompt
	// whose perplexity a case's first launch of each arm measures, after its iterations
	ScoreText      string        `json:"score_text,omitempty"`
	Warmups        int           `json:"warmups"`
	Iterations     int           `json:"iterations"`
	Sessions       int           `json:"sessions"` // launches per case and arm
	ComputeUnits   ComputeUnits  `json:"compute_units"`
	Temperature    float64       `json:"temperature"` // 0 is greedy
	TopK           int           `json:"top_k,omitempty"`
	SamplingSeed   uint64        `json:"sampling_seed,omitempty"`
	StartThermal   ThermalState  `json:"start_thermal"`             // hottest state in which a session may start
	AbortThermal   ThermalState  `json:"abort_thermal,omitempty"`   // state at which a session ends as thermal
	Duration       time.Duration `json:"duration_ns,omitempty"`     // soak: generate for this long instead of Iterations
	MinimumWork    time.Duration `json:"minimum_work_ns,omitempty"` // go on after Iterations until they have lasted this long; energy needs it
	SessionTimeout time.Duration `json:"session_timeout_ns"`
	IdleBefore     time.Duration `json:"idle_before_ns,omitempty"` // idle window for the energy baseline
}

// Hash identifies what the scenario asks of the app. Sessions, the time limit and names do not enter: they change how often
// and how long the same thing is asked, not what is measured.
func (s Scenario) Hash() string {
	s.Name, s.Sessions, s.SessionTimeout = "", 0, 0
	text, err := json.Marshal(s)
	if err != nil {
		panic("harness: a scenario of plain fields always encodes: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Case is the unit of comparison.
type Case struct {
	Device   Device   `json:"device"`
	Model    Model    `json:"model"`
	Scenario Scenario `json:"scenario"`
}

// Key names a case in stores, files and reports: "<product type>/<model>/<scenario>".
func (c Case) Key() string {
	return c.Device.ProductType + "/" + c.Model.Name + "/" + c.Scenario.Name
}
