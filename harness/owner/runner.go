package owner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
)

// pollEvery is how often a lease that is waited for is asked for.
const pollEvery = time.Second

// Options are what a [Runner] is made of.
type Options struct {
	Runner  harness.Runner // reaches the phones
	Clock   harness.Clock
	Folder  string            // of the leases; "": [DefaultFolder]
	Lab     string            // where virtual phones are reached: phones of two labs may have one UDID
	Command string            // what this process is called where it holds a phone for no run
	Waiting func(text string) // is told once for each phone that is waited for; nil: nobody
}

// Runner is a runner whose phones nobody else on this host has at the same time. A phone that was opened stays this process's
// until [Runner.Release], also between two runs of an experiment.
type Runner struct {
	Options
	mu   sync.Mutex
	held map[string]*lease // by file name
}

// New puts leases around a runner.
func New(o Options) *Runner {
	if o.Folder == "" {
		o.Folder = DefaultFolder
	}
	return &Runner{Options: o, held: map[string]*lease{}}
}

// Devices lists what the runner reaches, held or not.
func (r *Runner) Devices(ctx context.Context) ([]harness.Device, error) { return r.Runner.Devices(ctx) }

// Open takes the device's lease and opens it. A device that another process holds is an error of kind device.
func (r *Runner) Open(ctx context.Context, d harness.Device) (harness.Handle, error) {
	return r.open(ctx, d, "", false)
}

// For is the runner for one run, whose name the leases of its devices have. With wait it waits for a device that another
// process holds until that lets go of it or the context ends.
func (r *Runner) For(run string, wait bool) harness.Runner { return forRun{r, run, wait} }

type forRun struct {
	*Runner
	run  string
	wait bool
}

func (f forRun) Open(ctx context.Context, d harness.Device) (harness.Handle, error) {
	return f.open(ctx, d, f.run, f.wait)
}

// Holder is who has a device now, this process included; false: nobody.
func (r *Runner) Holder(d harness.Device) (Holder, bool) { return holderOf(r.Folder, r.fileOf(d)) }

// Release lets go of all devices.
func (r *Runner) Release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for name, l := range r.held {
		errs = append(errs, l.release())
		delete(r.held, name)
	}
	return errors.Join(errs...)
}

func (r *Runner) open(ctx context.Context, d harness.Device, run string, wait bool) (harness.Handle, error) {
	fresh, err := r.hold(ctx, d, run, wait)
	if err != nil {
		return nil, err
	}
	handle, err := r.Runner.Open(ctx, d)
	if err != nil && fresh { // one that was opened before is a device that has gone for a moment
		err = errors.Join(err, r.letGo(r.fileOf(d)))
	}
	return handle, err
}

// hold takes the device's lease, or gives the one that this process has the name of the run. Fresh means that it was taken.
func (r *Runner) hold(ctx context.Context, d harness.Device, run string, wait bool) (fresh bool, err error) {
	name := r.fileOf(d)
	told := false
	for {
		other, fresh, err := r.try(name, run)
		if !errors.Is(err, errHeld) {
			return fresh, err
		}
		busy := fmt.Errorf("%s is in use by %s", d.Name, other)
		if !wait {
			return false, refusal(d, busy, "--wait waits for it, or name another device; `bench devices` shows which are in use.")
		}
		if !told && r.Waiting != nil {
			r.Waiting(busy.Error() + ": waiting for it")
		}
		told = true
		if err := r.Clock.Sleep(ctx, pollEvery); err != nil {
			return false, refusal(d, fmt.Errorf("%w; the wait was ended: %w", busy, err), "")
		}
	}
}

// try asks for a lease once.
func (r *Runner) try(name, run string) (Holder, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.held[name]; l != nil {
		l.holder.Run = run
		return Holder{}, false, l.write()
	}
	pid := os.Getpid()
	l, other, err := take(r.Folder, name, Holder{PID: pid, Start: startOf(pid), Run: run, Command: r.Command, Since: r.Clock.Now()})
	if err != nil {
		return other, false, err
	}
	r.held[name] = l
	return Holder{}, true, nil
}

func (r *Runner) letGo(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.held[name]
	delete(r.held, name)
	return l.release()
}

func refusal(d harness.Device, err error, hint string) error {
	return &harness.Error{Kind: harness.KindDevice, Op: "open device", Device: fmt.Sprintf("%s (%s)", d.Name, d.UDID), Err: err, Hint: hint}
}

// plainUDID is what phones have. Anything else comes from a device that makes up its own, and may be no file name.
var plainUDID = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

// fileOf is the name of a device's lease file.
func (r *Runner) fileOf(d harness.Device) string {
	name := d.UDID
	if !plainUDID.MatchString(name) {
		name = digest(name)
	}
	if d.Kind == harness.KindVirtual {
		name += "." + digest(r.Lab)
	}
	return name + ".lock"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}
