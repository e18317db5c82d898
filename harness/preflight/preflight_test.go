package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lilims/bench/harness"
)

func ptr[T any](v T) *T { return &v }

func fit() harness.DeviceState {
	return harness.DeviceState{
		Locked: ptr(false), Thermal: ptr(harness.ThermalNominal), LowPowerMode: ptr(false), BatteryPercent: ptr(80.0),
		BatteryCelsius: ptr(27.5), Charging: ptr(false), FreeDiskBytes: ptr(int64(10e9)),
	}
}

func TestCheck(t *testing.T) {
	policy := harness.Policy{MaxBatteryCelsius: 35, MinBatteryPercent: 20}
	strict := policy
	strict.RequireKnown = true
	scenario := harness.Scenario{StartThermal: harness.ThermalNominal}
	phone := harness.Device{Kind: harness.KindIPhone}
	for name, tc := range map[string]struct {
		change func(s *harness.DeviceState)
		policy harness.Policy
		want   Answer
		reason string
	}{
		"fit": {func(s *harness.DeviceState) {}, policy, Go, ""},
		"fair": {
			func(s *harness.DeviceState) { s.Thermal = ptr(harness.ThermalFair) }, policy, Wait, "thermal state is fair, at most nominal is allowed",
		},
		"warm battery": {
			func(s *harness.DeviceState) { s.BatteryCelsius = ptr(35.1) }, policy, Wait, "35.1 °C, at most 35.0 °C is allowed",
		},
		"at the cap": {func(s *harness.DeviceState) { s.BatteryCelsius = ptr(35.0) }, policy, Go, ""},
		"locked":     {func(s *harness.DeviceState) { s.Locked = ptr(true) }, policy, Refuse, "locked"},
		"low power":  {func(s *harness.DeviceState) { s.LowPowerMode = ptr(true) }, policy, Refuse, "Low Power Mode"},
		"empty": {
			func(s *harness.DeviceState) { s.BatteryPercent = ptr(12.0) }, policy, Refuse, "at 12 %, at least 20 % is required",
		},
		"empty and charging": {
			func(s *harness.DeviceState) { s.BatteryPercent, s.Charging = ptr(12.0), ptr(true) }, policy, Wait, "charging",
		},
		"disk full": {
			func(s *harness.DeviceState) { s.FreeDiskBytes = ptr(int64(1e6)) }, policy, Refuse, "1.0 MB of free space, the session needs 50.0 MB",
		},
		"hot and locked": {
			func(s *harness.DeviceState) { s.Thermal, s.Locked = ptr(harness.ThermalSerious), ptr(true) }, policy, Refuse,
			"locked; its thermal state is serious",
		},
		"nothing known": {func(s *harness.DeviceState) { *s = harness.DeviceState{} }, policy, Go, ""},
		"nothing known, strict": {
			func(s *harness.DeviceState) { *s = harness.DeviceState{} }, strict, Refuse, "power mode cannot be read",
		},
		"no thermal, but a cool battery": {func(s *harness.DeviceState) { s.Thermal = nil }, strict, Go, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := fit()
			tc.change(&s)
			d := Check(s, phone, tc.policy, scenario, 50e6)
			assert.Equal(t, tc.want, d.Answer, "Check()")
			assert.Contains(t, d.Reason(), tc.reason, "Check()")
			assert.Equal(t, d.Hint != "", d.Answer == Refuse, "Check() = %s with hint %q", d.Answer, d.Hint)
		})
	}
}

func TestCheckNamesWhatItLetPass(t *testing.T) {
	scenario := harness.Scenario{StartThermal: harness.ThermalNominal}
	d := Check(harness.DeviceState{}, harness.Device{Kind: harness.KindVirtual}, harness.Policy{}, scenario, 0)
	assert.Equal(t, []string{"power mode", "thermal state", "battery temperature", "battery level"}, d.Unknown)
	d = Check(harness.DeviceState{}, harness.Device{Kind: harness.KindLocal}, harness.Policy{RequireKnown: true}, scenario, 0)
	assert.Equal(t, Go, d.Answer, "a host without a battery")
	assert.Nil(t, d.Unknown, "a host without a battery")
}
