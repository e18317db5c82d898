// Package processes is the virtual iPhone's process table: launching an app starts the executable of its installed
// bundle as a child process of this host, in the app's container. In come launches and signals, out come output, exit,
// usage and, when one crashes or outgrows its memory, a crash report. It speaks no protocol.
package processes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/clock"
	"github.com/lilims/bench/virtualiphone/internal/crash"
	"github.com/lilims/bench/virtualiphone/internal/syslog"
	"github.com/lilims/bench/virtualiphone/process"
)

// Program is an installed app as the table needs it. Folders are on this host.
type Program struct {
	BundleID, Name, Version, Build string
	Path                           string // of the executable, on the phone
	Executable                     string // on this host
	Container                      string // becomes HOME and the working folder
}

// Config is what the table needs of the phone.
type Config struct {
	Find       func(bundleID string) (Program, bool)
	Locked     func() bool
	Env        func() map[string]string // added to every launch
	Log        *syslog.Log
	Reports    *crash.Reporter
	LimitBytes int64 // footprint beyond which a process is ended
	Clock      clock.Clock
	Logger     *slog.Logger
}

// limits of the table.
const (
	maxRunning = 64
	maxEnded   = 128 // ended processes that are remembered, for those who watch late
)

// Table is one phone's processes. It implements process.Table and is safe for concurrent use.
type Table struct {
	config Config
	booted time.Time

	mu      sync.Mutex
	running map[int]*child
	ended   map[int]*child
	order   []int // ended, oldest first
	pastCPU float64
	starts  sync.Mutex // one launch at a time: two launches of one app must not both start it
}

var _ process.Table = (*Table)(nil)

// New returns a table without apps.
func New(config Config) *Table {
	return &Table{config: config, booted: config.Clock.Now(), running: map[int]*child{}, ended: map[int]*child{}}
}

// Errors as clients are told them.
var (
	errLocked    = errors.New("the device is locked: unlock it and launch again")
	errNoProcess = errors.New("no such process")
)

// Launch starts the app, or returns the running one unless it is to be ended first.
func (t *Table) Launch(ctx context.Context, spec process.Spec) (process.Info, error) {
	program, ok := t.config.Find(spec.BundleID)
	if !ok {
		return process.Info{}, fmt.Errorf("the application %q is not installed", spec.BundleID)
	}
	if t.config.Locked() {
		return process.Info{}, errLocked
	}
	t.starts.Lock()
	defer t.starts.Unlock()
	for _, c := range t.instances(spec.BundleID) {
		if !spec.KillExisting {
			return c.info, nil
		}
		if err := c.end(ctx); err != nil {
			return process.Info{}, fmt.Errorf("end the running %s: %w", spec.BundleID, err)
		}
	}
	t.mu.Lock()
	full := len(t.running) >= maxRunning
	t.mu.Unlock()
	if full {
		return process.Info{}, fmt.Errorf("%d processes run already", maxRunning)
	}
	c, err := t.start(ctx, program, spec)
	if err != nil {
		return process.Info{}, fmt.Errorf("launch %s: %w", spec.BundleID, err)
	}
	return c.info, nil
}

func (t *Table) instances(bundleID string) []*child {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*child
	for _, c := range t.running {
		if c.info.BundleID == bundleID {
			out = append(out, c)
		}
	}
	return out
}

// EndApp ends every instance of an app and waits for it.
func (t *Table) EndApp(ctx context.Context, bundleID string) error {
	var failed error
	for _, c := range t.instances(bundleID) {
		failed = errors.Join(failed, c.end(ctx))
	}
	return failed
}

// EndAll ends every app, as switching the phone off does.
func (t *Table) EndAll(ctx context.Context) error {
	t.mu.Lock()
	all := slices.Collect(maps.Values(t.running))
	t.mu.Unlock()
	var failed error
	for _, c := range all {
		failed = errors.Join(failed, c.end(ctx))
	}
	return failed
}

// Resume lets a process run that was launched suspended.
func (t *Table) Resume(pid int) error {
	c, ok := t.find(pid)
	if !ok || c.hasEnded() {
		return errNoProcess
	}
	return c.signal(syscall.SIGCONT)
}

// systemProcesses are what every phone runs. Their ids lie below those that this host gives to children.
func (t *Table) systemProcesses() []process.Info {
	at := func(pid int, name, path string) process.Info {
		return process.Info{PID: pid, Name: name, Path: path, Started: t.booted}
	}
	return []process.Info{
		at(1, "launchd", "/sbin/launchd"),
		at(2, "SpringBoard", "/System/Library/CoreServices/SpringBoard.app/SpringBoard"),
		at(3, "backboardd", "/usr/libexec/backboardd"),
		at(4, "lockdownd", "/usr/libexec/lockdownd"),
	}
}

// List returns the processes by id.
func (t *Table) List() []process.Info {
	out := t.systemProcesses()
	t.mu.Lock()
	for _, c := range t.running {
		out = append(out, c.info)
	}
	t.mu.Unlock()
	slices.SortFunc(out, func(a, b process.Info) int { return a.PID - b.PID })
	return out
}

// Signal sends a signal to an app process. System processes are not the host's to end.
func (t *Table) Signal(pid, signal int) error {
	c, ok := t.find(pid)
	if !ok {
		for _, p := range t.systemProcesses() {
			if p.PID == pid {
				return fmt.Errorf("signal %s: operation not permitted", p.Name)
			}
		}
		return errNoProcess
	}
	if c.hasEnded() {
		return errNoProcess
	}
	return c.signal(syscall.Signal(signal))
}

// Watch calls fn once when the process has ended, at once if it has already. Each call has its own goroutine.
func (t *Table) Watch(pid int, fn func(process.Exit)) error {
	c, ok := t.find(pid)
	if !ok {
		return errNoProcess
	}
	go func() {
		<-c.done
		fn(c.exit)
	}()
	return nil
}

// Usage reads what a running process uses now.
func (t *Table) Usage(pid int) (process.Usage, error) {
	c, ok := t.find(pid)
	if !ok || c.hasEnded() {
		return process.Usage{}, errNoProcess
	}
	return usageOf(pid)
}

// CPUSeconds is the CPU time of all apps since the table began, ended ones included.
func (t *Table) CPUSeconds() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.pastCPU
	for _, c := range t.running {
		if u, err := usageOf(c.info.PID); err == nil {
			c.seenCPU = max(c.seenCPU, u.CPUSeconds)
		}
		sum += c.seenCPU // a process that ends at this moment keeps what was seen last
	}
	return sum
}

func (t *Table) find(pid int) (*child, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.running[pid]; ok {
		return c, true
	}
	c, ok := t.ended[pid]
	return c, ok
}

// retire moves an ended process to those that are only remembered.
func (t *Table) retire(c *child, cpu float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pid := c.info.PID
	delete(t.running, pid)
	t.pastCPU += max(cpu, c.seenCPU)
	t.ended[pid] = c
	t.order = append(t.order, pid)
	if len(t.order) > maxEnded {
		if old := t.order[0]; !slices.Contains(t.order[1:], old) {
			delete(t.ended, old)
		}
		t.order = t.order[1:]
	}
}
