package simulated

import (
	"context"
	"fmt"
	"hash/fnv"
	"os"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
)

// Options say which devices there are and how they behave.
type Options struct {
	Profiles   []harness.DeviceProfile
	Count      int // of each profile; 0: one
	Seed       uint64
	Start      time.Time               // of every device's clock
	CV         float64                 // spread of an iteration's speed, relative; 0: none
	UnitSpread float64                 // spread between units, relative
	StartAbove float64                 // °C above ambient at the start
	Charging   bool                    // on the charger: no energy figure
	Speed      map[harness.Arm]float64 // speed of an arm relative to the model, to demonstrate a regression; absent: 1
	Installed  bool                    // builds and models are on the devices already: no launch is the first after an install
	OS         map[string]OS           // by product type; absent: a version that no phone has
}

// OS is what a simulated device says that it runs.
type OS struct{ Version, Build string }

// Runner is the simulated lab. Devices keep their state (heat, charge, what is installed) from one session, and one handle, to the next.
type Runner struct {
	options Options
	mu      sync.Mutex
	units   []*unit
}

// unit is one simulated device with its storage.
type unit struct {
	device  harness.Device
	clock   *Clock
	options Options
	mu      sync.Mutex // guards world against the clock and the goroutine that holds the device
	world   *world

	open      bool
	lost      bool // the cable is out; nothing answers until it is opened again
	builds    map[string]bool
	models    map[string]bool
	launched  map[string]bool
	launches  int
	files     map[string]*file // run and session -> what the app left
	iteration float64          // AR(1) state of iteration noise
}

// file is what a launch left on the device.
type file struct {
	events   []byte
	payloads map[string][]byte
	ended    bool
}

// New makes the lab.
func New(o Options) *Runner {
	if o.Count == 0 {
		o.Count = 1
	}
	r := &Runner{options: o}
	for _, p := range o.Profiles {
		for n := range o.Count {
			r.units = append(r.units, newUnit(p, n, o))
		}
	}
	return r
}

func newUnit(p harness.DeviceProfile, n int, o Options) *unit {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s/%d", p.Name, n)
	id := h.Sum64()
	name := "Simulated " + p.Marketing
	if o.Count > 1 {
		name = fmt.Sprintf("%s #%d", name, n+1)
	}
	u := &unit{
		device: harness.Device{
			UDID: fmt.Sprintf("SIM%05X-%016X", uint32(id)>>12, id), Name: name, Kind: harness.KindSimulated,
			ProductType: p.ProductType, Marketing: p.Marketing, Chip: p.Chip, MemoryBytes: p.MemoryBytes,
			OSVersion: "0.0", OSBuild: "simulated",
		},
		clock: NewClock(o.Start), options: o, world: newWorld(p, o.Seed^id, o.Start, o),
		builds: map[string]bool{}, models: map[string]bool{}, launched: map[string]bool{}, files: map[string]*file{},
	}
	if os, ok := o.OS[p.ProductType]; ok {
		u.device.OSVersion, u.device.OSBuild = os.Version, os.Build
	}
	u.clock.moved = func(d time.Duration) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.world.move(d)
	}
	return u
}

// Devices lists the simulated devices.
func (r *Runner) Devices(context.Context) ([]harness.Device, error) {
	var out []harness.Device
	for _, u := range r.units {
		out = append(out, u.device)
	}
	return out, nil
}

// Open takes hold of a device.
func (r *Runner) Open(_ context.Context, device harness.Device) (harness.Handle, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.units {
		if u.device.UDID != device.UDID {
			continue
		}
		if u.open {
			return nil, u.fault("open device", fmt.Errorf("it is in use"), "Wait for the other run.")
		}
		u.open, u.lost = true, false
		return &handle{unit: u, release: func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			u.open = false
		}}, nil
	}
	return nil, &harness.Error{Kind: harness.KindDevice, Op: "open device", Device: device.Name, Err: fmt.Errorf(
		"no simulated device has the UDID %q", device.UDID,
	),
		Hint: "`bench devices` lists what there is."}
}

func (u *unit) fault(op string, err error, hint string) error {
	return &harness.Error{Kind: harness.KindDevice, Op: op, Device: u.device.Name + " (" + u.device.UDID + ")", Err: err, Hint: hint}
}

// handle is one device, held for a run.
type handle struct {
	*unit
	release func()
	once    sync.Once
}

// Clock is the device's own time.
func (h *handle) Clock() harness.Clock { return h.clock }

// Close lets the device go.
func (h *handle) Close() error {
	h.once.Do(h.release)
	return nil
}

// Prepare pretends to install and copy, at the speed of a cable.
func (h *handle) Prepare(ctx context.Context, build harness.Build, model harness.Model, progress func(harness.Progress)) (
	harness.Prepared, error,
) {
	if err := h.reachable("prepare device"); err != nil {
		return harness.Prepared{}, err
	}
	if build.Path != "" {
		if _, err := os.Stat(build.Path); err != nil {
			return harness.Prepared{}, &harness.Error{
				Kind: harness.KindBuild, Op: "install app", Device: h.device.Name, Err: err, Hint: "Build the app first.",
			}
		}
	}
	if model.Path != "" {
		if _, err := os.Stat(model.Path); err != nil {
			return harness.Prepared{}, &harness.Error{
				Kind: harness.KindModel, Op: "copy model", Device: h.device.Name, Err: err, Hint: "Convert the model first.",
			}
		}
	}
	var p harness.Prepared
	identity := string(build.Arm) + build.Hash
	if !h.builds[identity] && !h.options.Installed {
		progress(harness.Progress{Step: "installing app"})
		if err := h.clock.Sleep(ctx, 4*time.Second); err != nil {
			return p, err
		}
		h.builds[identity], p.BuildInstalled = true, true
	}
	if !h.models[model.Hash] && !h.options.Installed {
		progress(harness.Progress{Step: "copying model", Total: model.SizeBytes})
		p.PushSeconds = float64(model.SizeBytes) / 35e6
		if err := h.clock.Sleep(ctx, time.Duration(p.PushSeconds*float64(time.Second))); err != nil {
			return p, err
		}
		h.models[model.Hash], p.ModelPushed, p.PushedBytes = true, true, model.SizeBytes
		progress(harness.Progress{Step: "copying model", Done: model.SizeBytes, Total: model.SizeBytes})
	}
	p.FirstEver = !h.launched[identity+"/"+model.Hash] && !h.options.Installed
	return p, nil
}

func (h *handle) reachable(op string) error {
	if h.lost {
		return h.fault(op, fmt.Errorf("the device is gone"), "Reconnect it.")
	}
	return nil
}

// State tells the modelled state.
func (h *handle) State(context.Context) (harness.DeviceState, error) {
	if err := h.reachable("read state"); err != nil {
		return harness.DeviceState{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.world
	return harness.DeviceState{
		At: w.now, Locked: at(false), Thermal: at(w.state), LowPowerMode: at(false), BatteryPercent: at(100 * w.charge / w.capacity),
		BatteryCelsius: at(w.shell - 1), Charging: at(w.plugged), ExternalPower: at(w.plugged), FreeDiskBytes: at(int64(64 << 30)),
	}, nil
}

// Battery reads the modelled gauge.
func (h *handle) Battery(context.Context) (harness.BatteryReading, error) {
	if err := h.reachable("read battery"); err != nil {
		return harness.BatteryReading{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world.reading(), nil
}
