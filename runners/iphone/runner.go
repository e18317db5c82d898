// Package iphone runs sessions on tethered iPhones through go-ios. A socket of usbmuxd comes in; phones, their state,
// and the lines that the bench app writes on them go out. Installing, copying, launching and reading work over the
// cable alone and survive its being pulled. Every call ends with its context, and a panic of the library is an error.
//
// The runner knows nothing of what the app measures, and not whether a phone is virtual: a virtual one says so itself,
// in lockdown's domain org.lilims.virtual, and its devices are marked with that.
//
// # On the phone
//
// Everything lies in the app's container, below Documents/bench:
//
//	build.json                     hash of the installed build, written after the install
//	models/<hash>/                 a model's files; .complete is written when all are verified
//	launched/<build>-<model>       this build has been launched with this model
//	sessions/<run>/<session>/      plan.json, events.jsonl, payloads
package iphone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/tether"
)

// Options are what the runner needs. Only Clock has no default.
type Options struct {
	// Socket of usbmuxd: "host:port", "/path" or "UNIX:/path". Empty: USBMUXD_SOCKET_ADDRESS, then the platform's own.
	// Runners with different sockets may live in one process.
	Socket string
	Clock  harness.Clock
	Log    *slog.Logger // nil: discarded
	// Lookup tells what is known of a product type ("iPhone15,4"): its name, chip and memory. nil: nothing.
	Lookup func(productType string) (harness.DeviceProfile, bool)
	// Trouble is told why an attached phone tells little or nothing of itself: it is locked, does not trust this host, or
	// does not answer. The error has a hint. nil: nobody listens.
	Trouble func(harness.Device, error)
	// Poll is how often a running app's event file is looked at. 0: four times a second.
	Poll time.Duration
}

const defaultPoll = 250 * time.Millisecond

// Runner reaches the phones behind one usbmuxd. It is safe for concurrent use; its handles are not.
type Runner struct {
	options Options
	mux     *tether.Mux
}

// ErrNoUsbmuxd says that nothing listens where usbmuxd should: no phone can be seen, attached or not.
var ErrNoUsbmuxd = errors.New("no usbmuxd")

// New returns a runner. It connects to nothing yet.
func New(o Options) (*Runner, error) {
	if o.Clock == nil {
		return nil, &harness.Error{Kind: harness.KindInternal, Op: "open the iPhone runner", Err: errors.New("no clock")}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	mux, err := tether.NewMux(o.Socket)
	if err != nil {
		return nil, &harness.Error{Kind: harness.KindUsage, Op: "open the iPhone runner", Err: err,
			Hint: "Name the socket of usbmuxd as host:port or as a path."}
	}
	return &Runner{o, mux}, nil
}

// QuietLibrary stops go-ios from writing to standard error, where it logs through a global logger. It concerns the
// whole process, so that it is called by whoever owns the process. Warnings go to log, if it is not nil.
func QuietLibrary(log *slog.Logger) {
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.WarnLevel)
	if log != nil {
		logrus.AddHook(forward{log})
	}
}

// forward hands go-ios's warnings on.
type forward struct{ log *slog.Logger }

func (forward) Levels() []logrus.Level { return logrus.AllLevels[:logrus.WarnLevel+1] }

func (f forward) Fire(e *logrus.Entry) error {
	f.log.Debug("go-ios", "level", e.Level.String(), "text", e.Message)
	return nil
}

// Devices lists the phones that are attached. Where nothing listens at the socket of usbmuxd, the error has
// [ErrNoUsbmuxd] in it.
func (r *Runner) Devices(ctx context.Context) ([]harness.Device, error) {
	entries, err := r.mux.Devices(ctx)
	if err != nil {
		return nil, explain("list iPhones", "", r.withoutMux(ctx, err))
	}
	devices, troubles := make([]harness.Device, len(entries)), make([]error, len(entries))
	var asking sync.WaitGroup // a phone that does not answer holds up only itself
	for i, e := range entries {
		asking.Go(func() { devices[i], troubles[i] = r.describe(ctx, e) })
	}
	asking.Wait()
	if err := context.Cause(ctx); err != nil {
		return devices, err
	}
	for i, err := range troubles {
		if err != nil && r.options.Trouble != nil {
			r.options.Trouble(devices[i], explain("ask iPhone", label(devices[i]), err))
		}
	}
	return devices, nil
}

// withoutMux says what is wrong with usbmuxd when it gives no list: it is not there, or answers as no usbmuxd does.
func (r *Runner) withoutMux(ctx context.Context, err error) error {
	var mux *tether.MuxError
	fail := func(err error, hint string) error {
		return &harness.Error{Kind: harness.KindDevice, Op: "list iPhones", Err: err, Hint: hint}
	}
	switch {
	case ctx.Err() != nil:
		return err
	case errors.As(err, &mux) && (errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)):
		return fail(fmt.Errorf("%w at %s: start it", ErrNoUsbmuxd, r.mux.Address()), muxHint(runtime.GOOS))
	case errors.As(err, &mux):
		return err
	}
	return fail(fmt.Errorf("what listens at %s does not answer as usbmuxd does: %w", r.mux.Address(), err),
		"Restart usbmuxd, or name another socket in USBMUXD_SOCKET_ADDRESS.")
}

// muxHint says how usbmuxd is started.
func muxHint(system string) string {
	start := "On Debian and Ubuntu: apt install usbmuxd, then systemctl start usbmuxd."
	if system == "darwin" {
		start = "It is part of macOS: plug the phone in again, or restart the Mac."
	}
	return start + " If it listens elsewhere, name its socket in USBMUXD_SOCKET_ADDRESS; `bench virtual` offers virtual iPhones."
}

// Open takes hold of a phone: it must be attached, trusted and unlocked enough to launch an app.
func (r *Runner) Open(ctx context.Context, device harness.Device) (harness.Handle, error) {
	h := &Handle{Runner: r, phone: r.mux.Phone(device.UDID), device: device, log: r.options.Log.With("device", label(device))}
	if err := h.open(ctx); err != nil {
		_ = h.Close()
		return nil, h.fail("open device", err)
	}
	return h, nil
}

// Event is a phone that came or went.
type Event struct {
	UDID     string
	Attached bool
}

// Watch tells fn of every phone that is attached and of every one that comes or goes, until ctx ends.
func (r *Runner) Watch(ctx context.Context, fn func(Event)) error {
	err := r.mux.Watch(ctx, func(e tether.Event) { fn(Event{e.UDID, e.Attached}) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return explain("watch for iPhones", "", err)
}

func label(d harness.Device) string {
	if d.Name == "" {
		return d.UDID
	}
	return fmt.Sprintf("%s (%s)", d.Name, d.UDID)
}
