// Package instruments is the virtual iPhone's instruments server: process control, device information, per-process
// samples and the thermal condition inducer, as channels over DTX. A connection comes in, calls are answered from the
// phone's process table, and events go out until the connection ends. It starts no process itself and keeps no state
// beyond a connection.
package instruments

import (
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/process"
)

// Device is what instruments needs of the phone. It is safe for concurrent use.
type Device interface {
	Processes() process.Table
	// ImageMounted reports whether the developer image counts as mounted; without it the phone has no instruments.
	ImageMounted() bool
	// MemoryBytes is the phone's RAM.
	MemoryBytes() int64
	// SetThermal makes the phone report this state, whatever its model says; "" ends that. It heats nothing.
	SetThermal(state battery.ThermalState)
}
