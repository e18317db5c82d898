package simulated

import (
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// operations of each function of the simulated model.
const operations = 120

// placement says where the model's operations run: on the Neural Engine where it may be used, but for those that a build
// leaves to the CPU.
func (a *app) placement() error {
	unit := "neural_engine"
	switch a.task.Scenario.ComputeUnits {
	case harness.ComputeCPUOnly:
		unit = "cpu"
	case harness.ComputeCPUAndGPU:
		unit = "gpu"
	}
	fallen := 0
	if n, ok := factorIn(a.task.Build.Configuration, cpuWord); ok && unit != "cpu" {
		fallen = min(int(n), operations/2)
	}
	events := []wire.Event{{Function: "decode", Unit: unit, Count: at(operations - fallen)}}
	if fallen > 0 {
		var names []string
		for n := range fallen {
			names = append(names, fmt.Sprintf("linear_%d", n))
		}
		events = append(events, wire.Event{Function: "decode", Unit: "cpu", Count: &fallen, Operations: strings.Join(names, " ")})
	}
	events = append(events, wire.Event{Function: "prefill", Unit: unit, Count: at(operations)})
	for _, e := range events {
		e.Kind = wire.Placement
		if err := a.write(e); err != nil {
			return err
		}
	}
	return nil
}
