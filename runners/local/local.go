// Package local runs the bench app as a child process of this host: Core ML on a Mac, the reference executor elsewhere.
// A [harness.Task] goes in; the lines that the app writes into its event file come out as they are written, with the
// host's samples of its memory, and the way it ended. Its numbers speak of this host. It must never end a process that
// it did not start, and reads no line's meaning beyond whether the app has come to its end.
//
// # On the disk
//
// Everything lies below one folder:
//
//	lock                               held as long as a handle: two measurements at once would disturb each other
//	builds/<hash>/agent                a copy of the executable, so that a rebuild cannot change a run
//	launched/<build>-<model>           this build has been launched with this model
//	sessions/<run>/<session>/          plan.json, events.jsonl, output.log, process.json, payloads
//
// A model is used where it lies; the app itself checks its hashes.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lilims/bench/harness"
)

// Options are what the runner needs.
type Options struct {
	Dir     string        // where builds and sessions are kept
	Clock   harness.Clock // for waiting and dating
	Environ []string      // environment of the app, before the task's
	Poll    time.Duration // how often a running app's event file is looked at; 0: 20 times a second
}

const defaultPoll = 50 * time.Millisecond

// Runner runs sessions on this host.
type Runner struct{ options Options }

// New returns a runner. It touches nothing yet.
func New(o Options) (*Runner, error) {
	if o.Dir == "" || o.Clock == nil {
		return nil, &harness.Error{Kind: harness.KindInternal, Op: "open the local runner", Err: errors.New("no folder or no clock")}
	}
	if o.Poll <= 0 {
		o.Poll = defaultPoll
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, &harness.Error{Kind: harness.KindUsage, Op: "open the local runner", Err: err}
	}
	o.Dir = dir
	return &Runner{o}, nil
}

// Devices lists this host.
func (r *Runner) Devices(context.Context) ([]harness.Device, error) {
	return []harness.Device{describeHost()}, nil
}

// Open takes hold of this host. A second handle, of this or another process, is refused until the first is closed.
func (r *Runner) Open(_ context.Context, device harness.Device) (harness.Handle, error) {
	host := describeHost()
	if device.UDID != host.UDID {
		return nil, &harness.Error{Kind: harness.KindDevice, Op: "open device", Device: device.Name,
			Err:  fmt.Errorf("%q is not this host (%s)", device.UDID, host.UDID),
			Hint: "Run on the host itself, or name another device; `bench devices` lists them."}
	}
	if err := os.MkdirAll(r.options.Dir, 0o755); err != nil {
		return nil, storage("open device", err)
	}
	lock, err := os.OpenFile(filepath.Join(r.options.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, storage("open device", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, &harness.Error{Kind: harness.KindDevice, Op: "open device", Device: host.Name,
			Err:  errors.New("another run measures on this host"),
			Hint: "Wait for it to end: two at once would disturb each other."}
	}
	return &handle{Options: r.options, host: host, lock: lock}, nil
}

func storage(op string, err error) error {
	return &harness.Error{Kind: harness.KindStorage, Op: op, Err: err, Hint: "Check the space and rights of the data folder."}
}

// handle is this host, held for a run.
type handle struct {
	Options
	host harness.Device
	lock *os.File
	once sync.Once
	err  error
}

// Close lets the host go.
func (h *handle) Close() error {
	h.once.Do(func() { h.err = h.lock.Close() })
	return h.err
}

// State returns the host's memory and disk. It has no battery that counts and no thermal state.
func (h *handle) State(context.Context) (harness.DeviceState, error) {
	state := harness.DeviceState{At: h.Clock.Now(), FreeMemoryBytes: freeMemory()}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(h.Dir, &disk); err == nil {
		free := int64(disk.Bavail) * int64(disk.Bsize)
		state.FreeDiskBytes = &free
	}
	return state, nil
}
