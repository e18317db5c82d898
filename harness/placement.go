package harness

// Placement is where the system means to run operations of one function of a model: compute units are a wish, and a
// fallback is silent (MLComputePlan, developer.apple.com/documentation/coreml/mlcomputeplan). A function has a placement
// for every unit that has some of its operations.
type Placement struct {
	Function   string   `json:"function"`             // decode, prefill
	Unit       string   `json:"unit"`                 // neural_engine, gpu, cpu
	Count      int      `json:"count"`                // operations on it
	Operations []string `json:"operations,omitempty"` // their names; of the unit that has most of a function's, none: all that no other names
}
