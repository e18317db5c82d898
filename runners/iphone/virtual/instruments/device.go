// Package instruments is the virtual iPhone's instruments server: process control, device information, per-process
// samples and the thermal condition inducer, as channels over DTX. A connection comes in, calls are answered from the
// phone's process table, and events go out until the connection ends. It starts no process itself and keeps no state
// beyond a connection.
package instruments

import (
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/virtual/process"
)

// Device is what instruments needs of the phone. It is safe for concurrent use.
type Device interface {
	Processes() process.Table
	// ImageMounted reports whether the developer image counts as mounted; without it the phone has no instruments.
	ImageMounted() bool
	// MemoryBytes is the phone's RAM.
	MemoryBytes() int64
	// SetThermal makes the phone report this state, whatever its model says; "" ends that. It heats nothing.
	SetThermal(state harness.ThermalState)
}

// Faults make the server behave as troublesome phones have been seen to. The zero value is a healthy phone.
type Faults struct {
	EmptyOutput   bool // every output event is preceded by one without arguments, as iOS 26 sends
	FragmentBytes int  // messages with a longer body are sent in fragments of this size; 0: never
	NoFootprints  bool // processes tell no footprint
}
