package preflight

import (
	"fmt"

	"github.com/lilims/bench/harness"
)

// Probed reports whether a probe is wanted before a session. A probe needs a rule, and a scenario that cares how warm
// the device is; and where the work is done by this host's processor, its speed says nothing of the device's heat.
func Probed(device harness.Device, policy harness.Policy, scenario harness.Scenario) bool {
	if policy.ProbeTolerance <= 0 || scenario.StartThermal.Rank() > harness.ThermalNominal.Rank() {
		return false
	}
	return policy.ProbeHost || device.Kind != harness.KindVirtual && device.Kind != harness.KindLocal
}

// Probe is what a probe before a session told.
type Probe struct {
	TokS    float64
	Thermal *harness.ThermalState // hottest that the app was told; nil: nothing
}

// CheckProbe compares a probe with the device's cold reference. Without one the probe is the first, and only what the app
// said of the heat counts. A probe that is faster than the reference is not hot, whatever else it is.
func CheckProbe(p Probe, reference *harness.Reference, policy harness.Policy, scenario harness.Scenario) Decision {
	c := check{d: Decision{Answer: Go}}
	if p.Thermal != nil && p.Thermal.Rank() > scenario.StartThermal.Rank() {
		c.wait("the probe reported the thermal state %s, at most %s is allowed", *p.Thermal, scenario.StartThermal)
	}
	if reference == nil {
		return c.d
	}
	if short := 1 - p.TokS/reference.TokS; short > policy.ProbeTolerance {
		c.wait("the probe ran at %.4g tok/s, %.1f %% below this device's cold reference of %.4g tok/s (%s), at most %.1f %% is allowed",
			p.TokS, 100*short, reference.TokS, fmt.Sprintf(
				"run %s, %s", reference.Run, reference.At.UTC().Format("2006-01-02"),
			), 100*policy.ProbeTolerance)
	}
	return c.d
}
