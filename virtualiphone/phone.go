package virtualiphone

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/apps"
	"github.com/lilims/bench/virtualiphone/internal/crash"
	"github.com/lilims/bench/virtualiphone/internal/disk"
	"github.com/lilims/bench/virtualiphone/internal/lockdown"
	"github.com/lilims/bench/virtualiphone/internal/mounter"
	"github.com/lilims/bench/virtualiphone/internal/notify"
	"github.com/lilims/bench/virtualiphone/internal/processes"
	"github.com/lilims/bench/virtualiphone/internal/rsd"
	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/internal/syslog"
	"github.com/lilims/bench/virtualiphone/process"
)

// PhoneOptions are what may differ between phones of one profile. The zero value is a phone that is ready for work:
// attached, trusted, unlocked, developer mode on, developer image mounted.
type PhoneOptions struct {
	UDID             string // empty: from the lab's seed
	Name             string // device name; empty: from the profile
	Dir              string // the phone's folder; empty: below the lab's
	Detached         bool   // not plugged in
	Locked           bool
	Trust            Trust // empty: TrustAuto
	WithoutImage     bool  // the developer image must be mounted first
	DeveloperModeOff bool
	Link             faults.Link
	Power            *battery.Power     // nil: the profile's
	Battery          battery.Options    // what else the gauge can be given; Seed is the lab's unless set
	Instruments      faults.Instruments // how the instruments server misbehaves
}

// Phone is one virtual iPhone. It is safe for concurrent use.
type Phone struct {
	lab     *Lab
	profile Profile
	options PhoneOptions
	log     *slog.Logger
	clock   Clock
	ecid    uint64

	media   *os.Root // /var/mobile/Media
	reports *os.Root // crash reports
	storage *disk.Disk
	library *apps.Library
	table   *processes.Table
	gauge   *battery.Gauge
	journal *syslog.Log
	notes   *notify.Center
	mounter *mounter.Mounter
	script  *faults.Script
	front   *lockdown.Server
	catalog service.Catalog

	ctx    context.Context
	cancel context.CancelFunc
	ticks  sync.WaitGroup

	mu       sync.Mutex
	deviceID int // 0: not plugged in
	locked   bool
	trust    Trust
	devMode  bool
	link     faults.Link
	name     string
	changed  map[string]map[string]any // lockdown values that hosts have set, by domain
	state    string                    // last contents of the state file
}

func newPhone(lab *Lab, profile Profile, o PhoneOptions, ordinal int) (*Phone, error) {
	if o.Trust == "" {
		o.Trust = TrustAuto
	}
	p := &Phone{
		lab: lab, profile: profile, options: o, clock: lab.options.Clock,
		log: lab.options.Log.With("device", o.Name), ecid: ecid(profile, lab.options.Seed, ordinal),
		locked: o.Locked, trust: o.Trust, devMode: !o.DeveloperModeOff, link: o.Link, name: o.Name,
		changed: map[string]map[string]any{}, script: &faults.Script{}, notes: notify.New(),
	}
	p.journal = syslog.New(p.clock)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if err := errors.Join(p.openStorage(), p.openParts(uint64(ordinal))); err != nil {
		p.cancel()
		return nil, err
	}
	p.mounter.Set(!o.WithoutImage)
	modern, err := rsd.Services(served{p}, rsd.Options{Clock: p.clock, Faults: o.Instruments, Log: p.log})
	if err != nil {
		p.cancel()
		return nil, err
	}
	p.catalog = append(p.classic(), modern...)
	p.writeState()
	p.ticks.Go(p.tick)
	return p, nil
}

// openStorage makes the folders that the phone's disk consists of.
func (p *Phone) openStorage() error {
	dir := p.options.Dir
	for _, sub := range []string{"media/PublicStaging", "media/DCIM", "media/Downloads", "crash", "apps"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	var err1, err2, err3 error
	p.media, err1 = os.OpenRoot(filepath.Join(dir, "media"))
	p.reports, err2 = os.OpenRoot(filepath.Join(dir, "crash"))
	p.storage, err3 = disk.Open(dir, p.profile.DiskBytes, p.clock)
	return errors.Join(err1, err2, err3)
}

// openParts puts the phone together. Each part knows the others only through functions.
func (p *Phone) openParts(ordinal uint64) error {
	if p.storage == nil {
		return nil // openStorage has failed and says why
	}
	var err error
	p.table = processes.New(processes.Config{
		Find: p.program, Locked: p.Locked, Env: p.environment, Log: p.journal, LimitBytes: p.profile.JetsamBytes,
		Reports: crash.New(filepath.Join(p.options.Dir, "crash"), crash.System{
			ProductType: p.profile.ProductType, OSVersion: p.profile.OSVersion, OSBuild: p.profile.OSBuild, MemoryBytes: p.profile.MemoryBytes,
		}),
		Clock: p.clock, Logger: p.log,
	})
	if p.library, err = apps.Open(filepath.Join(p.options.Dir, "apps"), p.storage, p.endApp, p.log); err != nil {
		return err
	}
	power := p.profile.Power
	if p.options.Power != nil {
		power = *p.options.Power
	}
	gauge := p.options.Battery
	if gauge.Seed == 0 {
		gauge.Seed = p.lab.options.Seed<<8 + ordinal
	}
	if p.gauge, err = battery.New(p.clock, power, p.profile.BatteryWh, p.table.CPUSeconds, gauge); err != nil {
		return err
	}
	p.mounter = mounter.New(p.profile.major(), mounter.Identity{
		BoardID: p.profile.BoardID, ChipID: p.profile.ChipID, ECID: p.ecid, OSLongVersion: p.profile.OSVersion + "." + p.profile.OSBuild,
	}, p.developerMode, p.script)
	p.front, err = lockdown.New(served{p}, p.options.Dir, p.script, p.clock, p.log)
	return err
}

// program finds an app for the process table.
func (p *Phone) program(bundleID string) (processes.Program, bool) {
	app, ok := p.library.Find(bundleID)
	if !ok {
		return processes.Program{}, false
	}
	return processes.Program{
		BundleID: app.BundleID, Name: app.Executable, Version: app.Version, Build: app.Build,
		Path: app.Path() + "/" + app.Executable, Executable: app.Program(), Container: app.Container(),
	}, true
}

// endApp ends an app whose bundle is about to change.
func (p *Phone) endApp(bundleID string) {
	if err := p.table.EndApp(p.ctx, bundleID); err != nil {
		p.log.Warn("app not ended", "bundle", bundleID, "err", err)
	}
}

// tick lets the gauge take its sample each second, and keeps what apps are told up to date.
func (p *Phone) tick() {
	for p.clock.Sleep(p.ctx, time.Second) == nil {
		p.gauge.Advance()
		p.writeState()
	}
}

func (p *Phone) close() error {
	p.Detach()
	err := p.table.EndAll(context.Background())
	p.cancel()
	p.ticks.Wait()
	return errors.Join(err, p.media.Close(), p.reports.Close())
}

// Profile is what the phone pretends to be.
func (p *Phone) Profile() Profile { return p.profile }

// UDID identifies the phone to hosts.
func (p *Phone) UDID() string { return p.options.UDID }

// Dir is the phone's folder on this host.
func (p *Phone) Dir() string { return p.options.Dir }

// ProductType is Apple's identifier of the model, "iPhone15,4".
func (p *Phone) ProductType() string { return p.profile.ProductType }

// OSVersion is the version of iOS, "18.6".
func (p *Phone) OSVersion() string { return p.profile.OSVersion }

// BuildVersion is the build of iOS, "22G86".
func (p *Phone) BuildVersion() string { return p.profile.OSBuild }

// MemoryBytes is the phone's RAM.
func (p *Phone) MemoryBytes() int64 { return p.profile.MemoryBytes }

// Processes is the phone's process table.
func (p *Phone) Processes() process.Table { return p.table }

// FreeDisk is how much storage the phone has left, in bytes.
func (p *Phone) FreeDisk() int64 { return p.storage.Free() }

// SetFreeDisk makes that many bytes the storage that is left now, for tests of a full phone.
func (p *Phone) SetFreeDisk(bytes int64) { p.storage.SetFree(bytes) }

// Faults is the script of faults in force; add to it what shall go wrong.
func (p *Phone) Faults() *faults.Script { return p.script }

// Log is the end of the phone's system log, oldest line first: at most 256 lines, each as a host of the syslog relay gets
// it, without the line's end. What apps print is in it.
func (p *Phone) Log() []string { return p.journal.Recent() }

// Name is the phone's name, as its owner or a host has set it.
func (p *Phone) Name() string {
	values, _ := served{p}.Values("")
	name, _ := values["DeviceName"].(string)
	return name
}

// Lab is where the phone is plugged in.
func (p *Phone) Lab() *Lab { return p.lab }
