package virtualiphone

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/mux"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// productID is an iPhone's on the USB.
const productID = 0x12A8

// Attach plugs the phone in under a new DeviceID. A phone that trusts new hosts is paired with the lab's host first, as
// usbmuxd does on a real one. Plugging in what is plugged in does nothing.
func (p *Phone) Attach() error {
	if err := p.pairWithHost(); err != nil {
		return &Error{Kind: KindInternal, Op: "pair virtual iPhone", Phone: p.name, Err: err}
	}
	p.mu.Lock()
	attached := p.deviceID != 0
	if !attached {
		p.deviceID = p.lab.mux.Attach(mux.Device{UDID: p.options.UDID, ProductID: productID, LocationID: uint32(p.ecid), Open: p.open})
	}
	p.mu.Unlock()
	if !attached {
		p.gauge.SetExternal(true)
	}
	return nil
}

// Detach pulls the cable: whatever runs over it ends at once, the phone's apps go on.
func (p *Phone) Detach() {
	p.mu.Lock()
	id := p.deviceID
	p.deviceID = 0
	p.mu.Unlock()
	if id != 0 {
		p.lab.mux.Detach(id)
		p.gauge.SetExternal(false)
	}
}

// DeviceID is the phone's number on the bus while it is plugged in.
func (p *Phone) DeviceID() (id int, attached bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.deviceID, p.deviceID != 0
}

// pairWithHost makes the lab's own pair record if the phone trusts hosts without asking and does not know this one.
func (p *Phone) pairWithHost() error {
	if p.Trust() != TrustAuto || p.Locked() {
		return nil
	}
	if text, ok := p.lab.records.ReadRecord(p.options.UDID); ok {
		if record, err := plistio.Decode(text); err == nil && p.front.Paired(record.String("HostID")) {
			return nil
		}
	}
	record, err := p.lab.records.Make(p.options.UDID, p.front.Identity().PublicPEM(), p.wifiAddress())
	if err != nil {
		return err
	}
	pairing, err := p.front.Accept(record)
	if err != nil {
		return err
	}
	record["EscrowBag"] = pairing.EscrowBag
	text, err := plistio.Encode(record)
	if err != nil {
		return err
	}
	return p.lab.records.SaveRecord(p.options.UDID, text)
}

// open finds what serves a port: lockdown and its services, or an app of this phone that listens there.
func (p *Phone) open(port uint16) (mux.Handler, error) {
	if serve, ok := p.front.Open(port); ok {
		return serve, nil
	}
	if !p.table.Listens(port) {
		return nil, mux.ErrRefused
	}
	upstream, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, mux.ErrRefused
	}
	return func(ctx context.Context, conn net.Conn) { forward(ctx, conn, upstream) }, nil
}

// SetLocked locks or unlocks the screen.
func (p *Phone) SetLocked(locked bool) {
	p.mu.Lock()
	p.locked = locked
	p.mu.Unlock()
	name := "com.apple.springboard.lockstate"
	p.notes.Post(name)
}

// Locked reports whether the screen is locked.
func (p *Phone) Locked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.locked
}

// SetTrust says what the phone does when a host asks to pair. With TrustAuto a plugged-in phone is paired at once.
// Hosts that it trusts already stay trusted until [Phone.Forget].
func (p *Phone) SetTrust(trust Trust) error {
	switch trust {
	case TrustAuto, TrustPending, TrustDenied:
	default:
		return fmt.Errorf("trust %q: not auto, pending or denied", trust)
	}
	p.mu.Lock()
	p.trust = trust
	attached := p.deviceID != 0
	p.mu.Unlock()
	if !attached {
		return nil
	}
	return p.pairWithHost()
}

// Trust is what the phone does when a host asks to pair.
func (p *Phone) Trust() Trust {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trust
}

// Forget ends the trust in every host, and removes the lab's own pair record.
func (p *Phone) Forget() error {
	if err := p.front.Forget(); err != nil {
		return err
	}
	return p.lab.records.DeleteRecord(p.options.UDID)
}

// MountImage makes the developer image count as mounted, or as not mounted.
func (p *Phone) MountImage(mounted bool) { p.mounter.Set(mounted) }

// ImageMounted reports whether the developer image counts as mounted.
func (p *Phone) ImageMounted() bool { return p.mounter.Mounted() }

// SetDeveloperMode switches developer mode, without which no image can be mounted.
func (p *Phone) SetDeveloperMode(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.devMode = on
}

func (p *Phone) developerMode() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.devMode
}

// SetLink puts the phone behind a cable with that delay and width, from the next connection on.
func (p *Phone) SetLink(link faults.Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link = link
}

// Link is how the phone's cable behaves.
func (p *Phone) Link() faults.Link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.link
}

// SetFault puts a fault in force; [Phone.Faults] lists and clears them.
func (p *Phone) SetFault(f faults.Fault) error { return p.script.Add(f) }

// SetThermal makes the phone report a thermal state, whatever its model says; "" ends that. It heats nothing. A name
// that is no thermal state is ignored and logged.
func (p *Phone) SetThermal(state battery.ThermalState) {
	if err := p.gauge.Induce(state); err != nil {
		p.log.Warn("thermal state not induced", "err", err)
		return
	}
	p.writeState()
}

// Thermal is the thermal state that the phone reports.
func (p *Phone) Thermal() battery.ThermalState { return p.gauge.Thermal() }

// Gauge is the phone's battery.
func (p *Phone) Gauge() *battery.Gauge { return p.gauge }

// Truth is what the phone has really consumed, which no host can see.
func (p *Phone) Truth() battery.Truth { return p.gauge.Truth() }

// Kill ends every process of an app.
func (p *Phone) Kill(ctx context.Context, bundleID string) error {
	return p.table.EndApp(ctx, bundleID)
}

// rebootTime is how long a restarting phone is away.
const rebootTime = 2 * time.Second

// Reboot restarts the phone: apps end, the developer image is gone, the gauge counts from its start, and the phone
// comes back under a new DeviceID if it was plugged in.
func (p *Phone) Reboot() error {
	_, attached := p.DeviceID()
	err := p.table.EndAll(p.ctx) // a phone that shuts down still tells its host of the ended processes
	p.Detach()
	if err != nil {
		return err
	}
	p.mounter.Set(false)
	p.gauge.Reboot()
	if err := p.clock.Sleep(p.ctx, rebootTime); err != nil || !attached {
		return err
	}
	return p.Attach()
}
