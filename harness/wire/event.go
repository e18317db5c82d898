package wire

import "github.com/lilims/bench/harness"

// Version is the schema's version, field v of every line.
const Version = 1

// Kind is the kind of an event.
type Kind string

const (
	Hello          Kind = "hello"
	Load           Kind = "load"
	Placement      Kind = "placement"
	IterationBegin Kind = "iteration_begin"
	Prefill        Kind = "prefill"
	Tokens         Kind = "tokens"
	Sample         Kind = "sample"
	Thermal        Kind = "thermal"
	MemoryWarning  Kind = "memory_warning"
	Payload        Kind = "payload"
	IterationEnd   Kind = "iteration_end"
	Error          Kind = "error"
	End            Kind = "end"
)

// Event is one line of events.jsonl. Which pointers are set depends on Kind.
type Event struct {
	V    int   `json:"v"`
	Seq  int64 `json:"seq"`
	AtNs int64 `json:"at_ns"`
	Kind Kind  `json:"kind"`

	Iteration    *int   `json:"iteration,omitempty"`
	Warmup       *bool  `json:"warmup,omitempty"`
	PromptTokens *int   `json:"prompt_tokens,omitempty"`
	Ns           *int64 `json:"ns,omitempty"` // a duration
	Outcome      string `json:"outcome,omitempty"`
	Reason       string `json:"reason,omitempty"`
	Text         string `json:"text,omitempty"`
	State        string `json:"state,omitempty"`
	File         string `json:"file,omitempty"`
	Code         string `json:"code,omitempty"` // load_failed, incompatible_model, out_of_memory, too_few_candidates, cancelled, backend
	Message      string `json:"message,omitempty"`

	First *int    `json:"first,omitempty"`
	IDs   []int32 `json:"ids,omitempty"`
	At    []int64 `json:"at,omitempty"` // one time stamp for each id, ns

	Metric string   `json:"metric,omitempty"`
	Value  *float64 `json:"value,omitempty"`
	Unit   string   `json:"unit,omitempty"`
	Phase  string   `json:"phase,omitempty"`

	Regime     string `json:"regime,omitempty"` // first_ever, cold, warm
	Model      string `json:"model,omitempty"`
	ModelHash  string `json:"model_hash,omitempty"`
	ModelBytes *int64 `json:"model_bytes,omitempty"`

	Count *int `json:"count,omitempty"` // tokens of an iteration, iterations of a session, operations of a placement

	Function   string `json:"function,omitempty"`
	Operations string `json:"operations,omitempty"` // names, a space between two; absent for the unit that has the most

	Session      string `json:"session,omitempty"`
	Agent        string `json:"agent,omitempty"` // the runtime's semantic version
	PID          *int   `json:"pid,omitempty"`
	BundleID     string `json:"bundle_id,omitempty"`
	Revision     string `json:"revision,omitempty"`
	Config       string `json:"configuration,omitempty"`
	Backend      string `json:"backend,omitempty"` // coreml or reference
	ComputeUnits string `json:"compute_units,omitempty"`
	OS           string `json:"os,omitempty"`
	Machine      string `json:"machine,omitempty"`
	MemoryBytes  *int64 `json:"memory_bytes,omitempty"`
	LowPower     *bool  `json:"low_power,omitempty"`
	UnixNs       *int64 `json:"unix_ns,omitempty"` // wall clock at at_ns
}

// Task is plan.json: what one launch of the app is to do.
type Task struct {
	V            int                  `json:"v"`
	Run          string               `json:"run"`
	Session      string               `json:"session"`
	Model        string               `json:"model"` // folder with manifest.json, relative to the plan's folder
	ModelHash    string               `json:"model_hash"`
	FirstEver    bool                 `json:"first_ever"`
	Prompt       string               `json:"prompt"`
	PromptTokens int                  `json:"prompt_tokens,omitempty"` // exact length; absent: as the prompt encodes
	Generate     int                  `json:"generate_tokens"`
	StopAtEnd    bool                 `json:"stop_at_end,omitempty"`
	KVDepth      int                  `json:"kv_depth,omitempty"`
	ScoreText    string               `json:"score_text,omitempty"` // measure its perplexity after the iterations
	Warmups      int                  `json:"warmups"`
	Iterations   int                  `json:"iterations"`
	DurationNs   int64                `json:"duration_ns,omitempty"`
	MinWorkNs    int64                `json:"min_work_ns,omitempty"` // iterations go on until they have lasted this long
	ComputeUnits harness.ComputeUnits `json:"compute_units"`
	Temperature  float64              `json:"temperature"`
	TopK         int                  `json:"top_k,omitempty"`
	Seed         uint64               `json:"seed,omitempty"`
	AbortThermal harness.ThermalState `json:"abort_thermal,omitempty"`
}
