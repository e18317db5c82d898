// Package battery reads an iPhone's battery gauge over the diagnostics relay. A connection to the service comes in, a
// reading in the gauge's own units comes out, with the whole registry entry as evidence. The library's decoder keeps
// ten of its values and none of the energy accumulators, so the entry is decoded here. It computes no energy.
package battery

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

// Service is the lockdown service that answers.
const Service = "com.apple.mobile.diagnostics_relay"

// Read asks for the gauge's registry entry. iPhones before the 8 have another entry name; they run none of the
// supported versions of iOS.
func Read(conn io.ReadWriter, at time.Time) (harness.BatteryReading, error) {
	var answer struct {
		Status      string
		Error       string
		Diagnostics map[string]any
	}
	request := map[string]any{"Request": "IORegistry", "EntryName": "AppleSmartBattery"}
	if err := plistio.Ask(conn, request, &answer); err != nil {
		return harness.BatteryReading{}, fmt.Errorf("ask for the battery gauge: %w", err)
	}
	registry, ok := answer.Diagnostics["IORegistry"].(map[string]any)
	if !ok {
		return harness.BatteryReading{}, fmt.Errorf("ask for the battery gauge: the phone answered %q %s", answer.Status, answer.Error)
	}
	return Decode(registry, at)
}

// Decode turns a registry entry into a reading. What the entry lacks is absent.
func Decode(registry map[string]any, at time.Time) (harness.BatteryReading, error) {
	raw, err := json.Marshal(encodable(registry))
	if err != nil {
		return harness.BatteryReading{}, fmt.Errorf("keep the battery gauge's entry: %w", err)
	}
	// macOS 27 moved capacities below BatteryData, some under other names. Should iOS follow, with these or with more,
	// they are found there.
	inner, _ := registry["BatteryData"].(map[string]any)
	either := func(read func(map[string]any, string) *int64, keys ...string) *int64 {
		for _, key := range keys {
			if v := first(read(registry, key), read(inner, key)); v != nil {
				return v
			}
		}
		return nil
	}
	power, ok := registry["PowerTelemetryData"].(map[string]any)
	if !ok {
		power, _ = inner["PowerTelemetryData"].(map[string]any)
	}
	return harness.BatteryReading{
		At:                    at,
		UpdateTime:            either(signed, "UpdateTime"),
		VoltageMillivolt:      either(signed, "Voltage", "AppleRawBatteryVoltage"),
		AmperageMilliampere:   either(current, "InstantAmperage", "Amperage"),
		TemperatureCentiC:     either(signed, "Temperature"),
		RawCapacityMAh:        either(signed, "AppleRawCurrentCapacity", "RemainingCapacity"),
		Percent:               either(signed, "CurrentCapacity"),
		Charging:              first(boolean(registry, "IsCharging"), boolean(inner, "IsCharging")),
		ExternalPower:         first(boolean(registry, "ExternalConnected"), boolean(inner, "ExternalConnected")),
		SystemLoadMilliwatt:   signed(power, "SystemLoad"),
		AccumulatedSystemLoad: unsigned(power, "AccumulatedSystemLoad"),
		SystemLoadCount:       unsigned(power, "SystemLoadAccumulatorCount"),
		AccumulatedEnergy:     unsigned(power, "AccumulatedSystemEnergyConsumed"),
		Raw:                   string(raw),
	}, nil
}

// CycleCount is the battery's number of charge cycles, as State reports it.
func CycleCount(r harness.BatteryReading) *int {
	var entry struct{ CycleCount *int }
	if json.Unmarshal([]byte(r.Raw), &entry) != nil {
		return nil
	}
	return entry.CycleCount
}

func first[T any](values ...*T) *T {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

// signed reads an integer. Negative numbers arrive as their unsigned 64-bit wrap.
func signed(m map[string]any, key string) *int64 {
	var n int64
	switch v := m[key].(type) {
	case uint64:
		n = int64(v)
	case int64:
		n = v
	case float64:
		if math.Abs(v) >= 1<<62 || math.IsNaN(v) {
			return nil
		}
		n = int64(v)
	default:
		return nil
	}
	return &n
}

// current reads a current in mA. Gauges of older phones wrap negatives at 16 bits, others at 32: no battery gives 32 A.
func current(m map[string]any, key string) *int64 {
	n := signed(m, key)
	switch {
	case n == nil:
	case *n > math.MaxInt16 && *n <= math.MaxUint16:
		*n -= 1 << 16
	case *n > math.MaxInt32 && *n <= math.MaxUint32:
		*n -= 1 << 32
	}
	return n
}

// unsigned reads an accumulator, which uses all its bits.
func unsigned(m map[string]any, key string) *uint64 {
	switch v := m[key].(type) {
	case uint64:
		return &v
	case int64:
		n := uint64(v)
		return &n
	}
	return nil
}

// boolean reads a flag. Some versions send numbers.
func boolean(m map[string]any, key string) *bool {
	var b bool
	switch v := m[key].(type) {
	case bool:
		b = v
	case uint64:
		b = v != 0
	case int64:
		b = v != 0
	default:
		return nil
	}
	return &b
}

// encodable replaces the numbers that JSON lacks.
func encodable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = encodable(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = encodable(e)
		}
		return out
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Sprint(v)
		}
	}
	return v
}
