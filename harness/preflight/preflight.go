// Package preflight judges whether a device is fit for a session. What the device reports of itself comes in with the rules;
// go, wait or refuse goes out, with the reason. It is pure: it reads no clock and waits for nothing, the engine does.
package preflight

import (
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
)

// Answer is what to do with a session.
type Answer string

const (
	Go     Answer = "go"
	Wait   Answer = "wait"   // time alone will make the device fit: heat, a low battery on a charger
	Refuse Answer = "refuse" // a person must do something first
)

// Decision is the answer with all its reasons.
type Decision struct {
	Answer  Answer
	Reasons []string // why not, when the answer is wait or refuse
	Unknown []string // what could not be read and was let pass
	Hint    string   // the next step, when the answer is refuse
}

// Reason is all reasons on one line.
func (d Decision) Reason() string { return strings.Join(d.Reasons, "; ") }

// Check judges a device's state for a scenario that needs diskBytes of free space on it. Only the kinds of state that a
// device of its kind can report count as unknown: a host or a simulated device without a battery is not unfit for it.
func Check(state harness.DeviceState, device harness.Device, policy harness.Policy, scenario harness.Scenario, diskBytes int64) Decision {
	c := check{
		d: Decision{Answer: Go}, strict: policy.RequireKnown, phone: device.Kind == harness.KindIPhone || device.Kind == harness.KindVirtual,
	}
	c.access(state)
	c.heat(state, policy, scenario)
	c.battery(state, policy)
	c.space(state, diskBytes)
	return c.d
}

type check struct {
	d      Decision
	strict bool
	phone  bool
}

func (c *check) wait(format string, args ...any) {
	if c.d.Answer == Go {
		c.d.Answer = Wait
	}
	c.d.Reasons = append(c.d.Reasons, fmt.Sprintf(format, args...))
}

func (c *check) refuse(hint, format string, args ...any) {
	c.d.Answer = Refuse
	if c.d.Hint == "" {
		c.d.Hint = hint
	}
	c.d.Reasons = append(c.d.Reasons, fmt.Sprintf(format, args...))
}

func (c *check) unknown(what string) {
	switch {
	case !c.phone:
	case c.strict:
		c.refuse("Use a policy without require_known, or make the device report its "+what+".", "its %s cannot be read", what)
	default:
		c.d.Unknown = append(c.d.Unknown, what)
	}
}

func (c *check) access(s harness.DeviceState) {
	if s.Locked != nil && *s.Locked {
		c.refuse("Unlock the phone and keep it awake (Settings > Display & Brightness > Auto-Lock > Never).", "it is locked")
	}
	switch {
	case s.LowPowerMode == nil:
		c.unknown("power mode")
	case *s.LowPowerMode:
		c.refuse("Turn Low Power Mode off (Settings > Battery): it slows the processor.", "it is in Low Power Mode")
	}
}

func (c *check) heat(s harness.DeviceState, policy harness.Policy, scenario harness.Scenario) {
	switch {
	case s.Thermal == nil:
		// Where nothing on the device reports the state before the app runs, the battery's temperature stands in.
		if s.BatteryCelsius == nil {
			c.unknown("thermal state")
		}
	case s.Thermal.Rank() > scenario.StartThermal.Rank():
		c.wait("its thermal state is %s, at most %s is allowed", *s.Thermal, scenario.StartThermal)
	}
	switch {
	case s.BatteryCelsius == nil:
		c.unknown("battery temperature")
	case policy.MaxBatteryCelsius > 0 && *s.BatteryCelsius > policy.MaxBatteryCelsius:
		c.wait("its battery is at %.1f °C, at most %.1f °C is allowed", *s.BatteryCelsius, policy.MaxBatteryCelsius)
	}
}

func (c *check) battery(s harness.DeviceState, policy harness.Policy) {
	if s.BatteryPercent == nil {
		c.unknown("battery level")
		return
	}
	if *s.BatteryPercent >= policy.MinBatteryPercent {
		return
	}
	if s.Charging != nil && *s.Charging {
		c.wait("its battery is at %.0f %% and charging, at least %.0f %% is required", *s.BatteryPercent, policy.MinBatteryPercent)
		return
	}
	c.refuse("Charge the phone.", "its battery is at %.0f %%, at least %.0f %% is required", *s.BatteryPercent, policy.MinBatteryPercent)
}

func (c *check) space(s harness.DeviceState, wanted int64) {
	if s.FreeDiskBytes != nil && *s.FreeDiskBytes < wanted {
		c.refuse("Free space on the device.", "it has %.1f MB of free space, the session needs %.1f MB",
			float64(*s.FreeDiskBytes)/1e6, float64(wanted)/1e6)
	}
}
