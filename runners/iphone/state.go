package iphone

import (
	"context"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/battery"
	"github.com/lilims/bench/runners/iphone/internal/tether"
)

// State asks the phone for its state. What it does not tell is absent: no iPhone tells its thermal state over the
// cable, only the app that runs on it does; a virtual one does.
func (h *Handle) State(ctx context.Context) (harness.DeviceState, error) {
	state := harness.DeviceState{At: h.options.Clock.Now()}
	lockdown, err := h.phone.Lockdown(ctx)
	if err != nil {
		return state, h.fail("read state", err)
	}
	defer lockdown.Close()
	if err = askState(ctx, lockdown, &state); err != nil {
		return state, h.fail("read state", err)
	}
	reading, err := h.Battery(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return state, h.fail("read state", err)
		}
		h.log.Warn("battery gauge not readable", "err", err) // its values are absent
		return state, nil
	}
	addBattery(&state, reading)
	return state, nil
}

// askState takes what lockdown knows. Keys that a phone lacks stay absent.
func askState(ctx context.Context, lockdown *tether.Lockdown, state *harness.DeviceState) error {
	locked, err := lockdown.Value(ctx, "", "PasswordProtected")
	if err != nil {
		return err
	}
	if b, ok := locked.(bool); ok {
		state.Locked = &b
	}
	disk, err := lockdown.Values(ctx, "com.apple.disk_usage")
	if err != nil {
		return err
	}
	for _, key := range []string{"AmountDataAvailable", "TotalDataAvailable"} {
		if n, ok := disk[key].(uint64); ok {
			free := int64(n)
			state.FreeDiskBytes = &free
			break
		}
	}
	own, err := lockdown.Values(ctx, virtualDomain)
	if err != nil {
		return err
	}
	if text, ok := own["ThermalState"].(string); ok && harness.ThermalState(text).Rank() >= 0 {
		thermal := harness.ThermalState(text)
		state.Thermal = &thermal
	}
	if low, ok := own["LowPowerMode"].(bool); ok {
		state.LowPowerMode = &low
	}
	return nil
}

func addBattery(state *harness.DeviceState, r harness.BatteryReading) {
	if r.Percent != nil {
		percent := float64(*r.Percent)
		state.BatteryPercent = &percent
	}
	if r.TemperatureCentiC != nil {
		celsius := float64(*r.TemperatureCentiC) / 100
		state.BatteryCelsius = &celsius
	}
	state.Charging, state.ExternalPower = r.Charging, r.ExternalPower
	state.BatteryCycleCount = battery.CycleCount(r)
}
