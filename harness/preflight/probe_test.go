package preflight

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lilims/bench/harness"
)

func TestProbed(t *testing.T) {
	nominal, fair := harness.Scenario{StartThermal: harness.ThermalNominal}, harness.Scenario{StartThermal: harness.ThermalFair}
	rule, host := harness.Policy{ProbeTolerance: 0.02}, harness.Policy{ProbeTolerance: 0.02, ProbeHost: true}
	for name, tc := range map[string]struct {
		kind     harness.DeviceKind
		policy   harness.Policy
		scenario harness.Scenario
		want     bool
	}{
		"phone":                       {harness.KindIPhone, rule, nominal, true},
		"simulated":                   {harness.KindSimulated, rule, nominal, true},
		"virtual":                     {harness.KindVirtual, rule, nominal, false},
		"local":                       {harness.KindLocal, rule, nominal, false},
		"virtual, asked for":          {harness.KindVirtual, host, nominal, true},
		"no rule":                     {harness.KindIPhone, harness.Policy{}, nominal, false},
		"a scenario that starts warm": {harness.KindIPhone, rule, fair, false},
	} {
		assert.Equal(t, tc.want, Probed(harness.Device{Kind: tc.kind}, tc.policy, tc.scenario), "%s: Probed()", name)
	}
}

func TestCheckProbe(t *testing.T) {
	scenario, policy := harness.Scenario{StartThermal: harness.ThermalNominal}, harness.Policy{ProbeTolerance: 0.02}
	reference := &harness.Reference{TokS: 100, Run: "r7", At: time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)}
	for name, tc := range map[string]struct {
		probe     Probe
		reference *harness.Reference
		want      Answer
		reason    string
	}{
		"as cold":          {Probe{TokS: 99}, reference, Go, ""},
		"at the tolerance": {Probe{TokS: 98.1}, reference, Go, ""},
		"slower": {
			Probe{TokS: 97}, reference, Wait,
			"the probe ran at 97 tok/s, 3.0 % below this device's cold reference of 100 tok/s (run r7, 2026-11-20), at most 2.0 % is allowed",
		},
		"faster":         {Probe{TokS: 130}, reference, Go, ""},
		"the first":      {Probe{TokS: 1}, nil, Go, ""},
		"the first, hot": {Probe{TokS: 1, Thermal: ptr(harness.ThermalSerious)}, nil, Wait, "the probe reported the thermal state serious"},
		"fast but hot": {
			Probe{TokS: 130, Thermal: ptr(harness.ThermalFair)}, reference, Wait, "thermal state fair, at most nominal is allowed",
		},
		"slow and nominal": {Probe{TokS: 50, Thermal: ptr(harness.ThermalNominal)}, reference, Wait, "50.0 % below"},
	} {
		d := CheckProbe(tc.probe, tc.reference, policy, scenario)
		assert.Equal(t, tc.want, d.Answer, "%s: CheckProbe()", name)
		assert.Contains(t, d.Reason(), tc.reason, "%s: CheckProbe()", name)
	}
}
