package battery

import "slices"

// ThermalState is how hot a phone says it is, by the names of ProcessInfo.ThermalState
// (developer.apple.com/documentation/foundation/processinfo/thermalstate).
type ThermalState string

// The thermal states, coolest first.
const (
	ThermalNominal  ThermalState = "nominal"
	ThermalFair     ThermalState = "fair"
	ThermalSerious  ThermalState = "serious"
	ThermalCritical ThermalState = "critical"
)

// Rank orders the states from 0 for nominal to 3 for critical; -1 is no state.
func (t ThermalState) Rank() int {
	return slices.Index([]ThermalState{ThermalNominal, ThermalFair, ThermalSerious, ThermalCritical}, t)
}
