// Package phonetest is the modern half of a virtual iPhone in memory, for tests of one client at a time: tunnel, service
// discovery, instruments and the application service, without mux, pairing or TLS. Apps are Go functions, time is the
// test's, and what clients did to the phone can be asked. It opens no file and no socket, and starts no process. A whole
// phone, with apps that are processes, comes from virtualiphone.Lab.
package phonetest

import (
	"sync"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/process"
)

// UDID identifies the phone.
const UDID = "00008120-000A1B2C3D4E5F60"

// Phone is one phone. Its fields are set before it is used; Services are lockdown services that the tunnel offers too.
type Phone struct {
	Version  string
	Table    *Table
	Services service.Catalog

	// Induced receives every state that SetThermal is called with; 64 may wait in it.
	Induced chan battery.ThermalState

	mu      sync.Mutex
	mounted bool
	locked  bool
}

// New returns an unlocked phone on iOS 18.6 with the developer image mounted and no app.
func New() *Phone {
	return &Phone{Version: "18.6", Table: NewTable(), mounted: true, Induced: make(chan battery.ThermalState, 64)}
}

func (p *Phone) UDID() string             { return UDID }
func (p *Phone) ProductType() string      { return "iPhone15,4" }
func (p *Phone) OSVersion() string        { return p.Version }
func (p *Phone) BuildVersion() string     { return "22G86" }
func (p *Phone) MemoryBytes() int64       { return 6 << 30 }
func (p *Phone) Processes() process.Table { return p.Table }
func (p *Phone) Catalog() service.Catalog { return p.Services }
func (p *Phone) Apps() []process.App      { return p.Table.installed() }

// ImageMounted reports what SetImage set last.
func (p *Phone) ImageMounted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mounted
}

// SetImage mounts or unmounts the developer image.
func (p *Phone) SetImage(mounted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mounted = mounted
}

// Locked reports what SetLocked set last.
func (p *Phone) Locked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked
}

// SetLocked locks or unlocks the phone.
func (p *Phone) SetLocked(locked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.locked = locked
}

// SetThermal hands the state to whoever reads Induced.
func (p *Phone) SetThermal(state battery.ThermalState) { p.Induced <- state }
