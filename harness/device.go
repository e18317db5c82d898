package harness

import "time"

// DeviceKind says what stands behind a device, and so whether its numbers speak of a phone.
type DeviceKind string

const (
	KindIPhone    DeviceKind = "iphone"    // a tethered iPhone
	KindVirtual   DeviceKind = "virtual"   // the virtual iPhone: real protocols, this host's CPU, modelled battery
	KindLocal     DeviceKind = "local"     // the agent as a process of this host
	KindSimulated DeviceKind = "simulated" // a modelled device on a virtual clock
	KindImported  DeviceKind = "imported"  // numbers read from someone else's file
)

// Synthetic reports whether numbers of this kind must be marked as not measured on a phone.
// Local numbers are real but speak of the host; they carry their kind instead.
func (k DeviceKind) Synthetic() bool { return k == KindVirtual || k == KindSimulated }

// Device is a thing in the lab.
type Device struct {
	UDID        string     `json:"udid"`
	Name        string     `json:"name"`
	Kind        DeviceKind `json:"kind"`
	ProductType string     `json:"product_type"`        // Apple's identifier, "iPhone15,4"
	Marketing   string     `json:"marketing,omitempty"` // "iPhone 15"
	Chip        string     `json:"chip,omitempty"`      // "A16 Bionic"
	MemoryBytes int64      `json:"memory_bytes,omitempty"`
	OSVersion   string     `json:"os_version,omitempty"` // "18.6"
	OSBuild     string     `json:"os_build,omitempty"`   // "22G86"
	Connection  string     `json:"connection,omitempty"` // "USB" or "Network"
}

// ThermalState is ProcessInfo.ThermalState by name (developer.apple.com/documentation/foundation/processinfo/thermalstate).
type ThermalState string

const (
	ThermalNominal  ThermalState = "nominal"
	ThermalFair     ThermalState = "fair"
	ThermalSerious  ThermalState = "serious"
	ThermalCritical ThermalState = "critical"
)

// Rank orders thermal states from 0 (nominal) to 3 (critical); an unknown name ranks -1.
func (t ThermalState) Rank() int {
	for i, s := range []ThermalState{ThermalNominal, ThermalFair, ThermalSerious, ThermalCritical} {
		if t == s {
			return i
		}
	}
	return -1
}

// ThermalOfRank is the state that ranks so; false for a number that is no rank.
func ThermalOfRank(rank float64) (ThermalState, bool) {
	for _, s := range []ThermalState{ThermalNominal, ThermalFair, ThermalSerious, ThermalCritical} {
		if rank == float64(s.Rank()) {
			return s, true
		}
	}
	return "", false
}

// DeviceState is what a device reports of itself now. A nil field was not readable.
type DeviceState struct {
	At                time.Time     `json:"at"`
	Locked            *bool         `json:"locked,omitempty"`
	Thermal           *ThermalState `json:"thermal,omitempty"` // only where something on the device reports it
	LowPowerMode      *bool         `json:"low_power_mode,omitempty"`
	BatteryPercent    *float64      `json:"battery_percent,omitempty"`
	BatteryCelsius    *float64      `json:"battery_celsius,omitempty"`
	Charging          *bool         `json:"charging,omitempty"`
	ExternalPower     *bool         `json:"external_power,omitempty"`
	FreeDiskBytes     *int64        `json:"free_disk_bytes,omitempty"`
	FreeMemoryBytes   *int64        `json:"free_memory_bytes,omitempty"`
	BatteryCycleCount *int          `json:"battery_cycle_count,omitempty"`
}

// BatteryReading is one reading of the battery gauge, in the gauge's own units. A nil field was absent on the wire.
// Source: IORegistry entry AppleSmartBattery over the diagnostics relay.
type BatteryReading struct {
	At                    time.Time `json:"at"`                    // host clock, at receipt
	UpdateTime            *int64    `json:"update_time,omitempty"` // gauge's own publication time, unix s
	VoltageMillivolt      *int64    `json:"voltage_mv,omitempty"`
	AmperageMilliampere   *int64    `json:"amperage_ma,omitempty"` // signed; negative discharges
	TemperatureCentiC     *int64    `json:"temperature_centi_c,omitempty"`
	RawCapacityMAh        *int64    `json:"raw_capacity_mah,omitempty"`
	Percent               *int64    `json:"percent,omitempty"`
	Charging              *bool     `json:"charging,omitempty"`
	ExternalPower         *bool     `json:"external_power,omitempty"`
	SystemLoadMilliwatt   *int64    `json:"system_load_mw,omitempty"`          // snapshot at publication; never integrated
	AccumulatedSystemLoad *uint64   `json:"accumulated_system_load,omitempty"` // sum of one mW sample a second
	SystemLoadCount       *uint64   `json:"system_load_count,omitempty"`       // how many samples the sum holds
	AccumulatedEnergy     *uint64   `json:"accumulated_energy,omitempty"`      // read as microwatt hours
	Raw                   string    `json:"raw,omitempty"`                     // the whole registry entry as JSON, kept as evidence
}
