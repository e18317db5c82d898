package phonetest

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/process"
)

// App is what an installed app does from start to end.
type App func(p *Running) process.Exit

// Running is a process as its app sees it.
type Running struct {
	Spec    process.Spec
	Signals chan int // signals sent to it; SIGKILL is not among them but ends Killed

	Killed chan struct{}
	kill   sync.Once
}

// Print writes to standard output.
func (r *Running) Print(text string) {
	if r.Spec.Output != nil {
		_, _ = r.Spec.Output.Write([]byte(text))
	}
}

// Until returns an app that runs until it is killed.
func Until() App {
	return func(p *Running) process.Exit {
		<-p.Killed
		return process.Exit{Signal: int(syscall.SIGKILL)}
	}
}

// Table is a process table in memory.
type Table struct {
	mu      sync.Mutex
	apps    map[string]App
	next    int
	entries map[int]*entry
}

type entry struct {
	info    process.Info
	running *Running
	resume  chan struct{}
	usage   process.Usage
	exit    *process.Exit
	watch   []func(process.Exit)
}

// NewTable returns a table without apps; the first process is 100.
func NewTable() *Table {
	return &Table{apps: map[string]App{}, next: 100, entries: map[int]*entry{}}
}

// Install makes an app known under its bundle id.
func (t *Table) Install(bundle string, app App) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apps[bundle] = app
}

func path(bundle string) string {
	return "/private/var/containers/Bundle/Application/0/" + bundle + ".app"
}

func (t *Table) installed() []process.App {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []process.App
	for bundle := range t.apps {
		out = append(out, process.App{BundleID: bundle, Name: bundle, Version: "1.0", Build: "1", Path: path(bundle)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].BundleID < out[j].BundleID })
	return out
}

// Launch runs the app on a goroutine of its own.
func (t *Table) Launch(_ context.Context, spec process.Spec) (process.Info, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	app, ok := t.apps[spec.BundleID]
	if !ok {
		return process.Info{}, fmt.Errorf("the application %s is not installed", spec.BundleID)
	}
	for _, e := range t.entries {
		if e.exit == nil && e.info.BundleID == spec.BundleID {
			if !spec.KillExisting {
				return e.info, nil
			}
			e.running.kill.Do(func() { close(e.running.Killed) })
		}
	}
	e := &entry{
		info: process.Info{
			PID: t.next, BundleID: spec.BundleID, Name: spec.BundleID, Path: path(spec.BundleID) + "/" + spec.BundleID,
			Started: time.Unix(1_800_000_000, 0),
		},
		running: &Running{Spec: spec, Signals: make(chan int, 16), Killed: make(chan struct{})},
		resume:  make(chan struct{}),
	}
	t.next++
	t.entries[e.info.PID] = e
	if !spec.Suspended {
		close(e.resume)
	}
	go t.run(e, app)
	return e.info, nil
}

func (t *Table) run(e *entry, app App) {
	var exit process.Exit
	select {
	case <-e.resume:
		exit = app(e.running)
	case <-e.running.Killed:
		exit = process.Exit{Signal: int(syscall.SIGKILL)}
	}
	t.mu.Lock()
	e.exit = &exit
	watch := e.watch
	t.mu.Unlock()
	for _, fn := range watch {
		fn(exit)
	}
}

func (t *Table) find(pid int) (*entry, error) {
	e, ok := t.entries[pid]
	if !ok {
		return nil, fmt.Errorf("no such process %d", pid)
	}
	return e, nil
}

// Resume lets a suspended process run.
func (t *Table) Resume(pid int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, err := t.find(pid)
	if err != nil {
		return err
	}
	select {
	case <-e.resume:
		return fmt.Errorf("process %d is not suspended", pid)
	default:
		close(e.resume)
		return nil
	}
}

// List returns the processes that run.
func (t *Table) List() []process.Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []process.Info
	for _, e := range t.entries {
		if e.exit == nil {
			out = append(out, e.info)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out
}

// Signal kills a process, or hands it another signal.
func (t *Table) Signal(pid, signal int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, err := t.find(pid)
	if err == nil && e.exit != nil {
		err = fmt.Errorf("process %d has ended", pid)
	}
	if err != nil {
		return err
	}
	if signal == int(syscall.SIGKILL) {
		e.running.kill.Do(func() { close(e.running.Killed) })
		return nil
	}
	select {
	case e.running.Signals <- signal:
		return nil
	default:
		return fmt.Errorf("process %d has too many signals waiting", pid)
	}
}

// Watch calls fn when the process has ended.
func (t *Table) Watch(pid int, fn func(process.Exit)) error {
	t.mu.Lock()
	e, err := t.find(pid)
	if err == nil && e.exit == nil {
		e.watch = append(e.watch, fn)
		t.mu.Unlock()
		return nil
	}
	t.mu.Unlock()
	if err != nil {
		return err
	}
	fn(*e.exit)
	return nil
}

// Usage returns what SetUsage set last.
func (t *Table) Usage(pid int) (process.Usage, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, err := t.find(pid)
	if err != nil {
		return process.Usage{}, err
	}
	return e.usage, nil
}

// SetUsage sets what a process is said to use.
func (t *Table) SetUsage(pid int, u process.Usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e, ok := t.entries[pid]; ok {
		e.usage = u
	}
}

// KillAll ends everything that runs.
func (t *Table) KillAll() {
	for _, info := range t.List() {
		_ = t.Signal(info.PID, int(syscall.SIGKILL)) // it may have ended since
	}
}
