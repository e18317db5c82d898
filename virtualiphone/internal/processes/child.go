package processes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/crash"
	"github.com/lilims/bench/virtualiphone/internal/syslog"
	"github.com/lilims/bench/virtualiphone/process"
)

const (
	// outputGrace is how long output of an ended process is waited for when something still holds its pipe.
	outputGrace = 2 * time.Second
	// memoryCheck is how often a process's footprint is held against its limit.
	memoryCheck = 50 * time.Millisecond
)

// child is one app process.
type child struct {
	table    *Table
	program  Program
	info     process.Info
	command  *exec.Cmd
	done     chan struct{} // closed when exit is set
	exit     process.Exit
	jetsam   atomic.Int64 // footprint for which it was ended, 0: it was not
	seenCPU  float64      // guarded by the table's mu
	journal  *syslog.Writer
	pidKnown chan struct{}
}

// start runs the program. It returns once the process exists, or stands still where it was asked to.
func (t *Table) start(ctx context.Context, program Program, spec process.Spec) (*child, error) {
	c := &child{table: t, program: program, done: make(chan struct{}), pidKnown: make(chan struct{})}
	c.journal = &syslog.Writer{Log: t.config.Log, Process: program.Name, PID: c.pid}
	name, args := program.Executable, spec.Args
	if spec.Suspended {
		// The shell stops itself and becomes the program when it is resumed: same process, nothing of the program run.
		name, args = "/bin/sh", append([]string{"-c", `kill -STOP $$; exec "$0" "$@"`, program.Executable}, args...)
	}
	c.command = exec.Command(name, args...)
	c.command.Dir = program.Container
	c.command.Env = t.environment(program, spec)
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.command.WaitDelay = outputGrace
	sink := io.Writer(c.journal)
	if spec.Output != nil {
		sink = &tee{first: spec.Output, second: c.journal}
	}
	c.command.Stdout, c.command.Stderr = sink, sink
	if err := c.command.Start(); err != nil {
		return nil, readable(err)
	}
	c.info = process.Info{
		PID: c.command.Process.Pid, BundleID: program.BundleID, Name: filepath.Base(program.Path),
		Path: program.Path, Started: t.config.Clock.Now(),
	}
	close(c.pidKnown)
	t.mu.Lock()
	t.running[c.info.PID] = c
	t.mu.Unlock()
	go c.wait()
	go c.guardMemory()
	t.config.Log.Printf("SpringBoard", 2, "launched %s as process %d", program.BundleID, c.info.PID)
	if spec.Suspended {
		return c, c.awaitStop(ctx)
	}
	return c, nil
}

// pid is asked for by the journal, whose first line may come before start has returned.
func (c *child) pid() int {
	<-c.pidKnown
	return c.info.PID
}

// readable turns what the host says of an executable into what a client can use.
func readable(err error) error {
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("the app's executable cannot run on this host: %w", err)
	}
	return err
}

// environment is small on purpose: an app on a phone sees nothing of the machine it is tethered to.
func (t *Table) environment(program Program, spec process.Spec) []string {
	vars := map[string]string{
		"HOME":               program.Container,
		"CFFIXED_USER_HOME":  program.Container,
		"TMPDIR":             filepath.Join(program.Container, "tmp"),
		"PATH":               "/usr/bin:/bin:/usr/sbin:/sbin",
		"LANG":               "en_US.UTF-8",
		"XPC_SERVICE_NAME":   "UIKitApplication:" + program.BundleID,
		"VIRTUAL_IPHONE":     "1",
		"VIRTUAL_BUNDLE_DIR": filepath.Dir(program.Executable),
	}
	for k, v := range t.config.Env() {
		vars[k] = v
	}
	for k, v := range spec.Env {
		vars[k] = v
	}
	var out []string
	for k, v := range vars {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// wait records how the process ended.
func (c *child) wait() {
	err := c.command.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		c.table.config.Logger.Warn("a process left its output open", "pid", c.info.PID)
	}
	c.journal.Flush()
	state := c.command.ProcessState
	var cpu float64
	if state != nil {
		cpu = (state.UserTime() + state.SystemTime()).Seconds()
		if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			c.exit = process.Exit{Signal: int(status.Signal())}
		} else {
			c.exit = process.Exit{Code: state.ExitCode()}
		}
	}
	_ = syscall.Kill(-c.info.PID, syscall.SIGKILL) // what the app left running goes with it
	c.report(cpu)
	c.table.retire(c, cpu)
	close(c.done)
}

// report writes the crash report before anybody is told of the end, so that whoever is told finds it.
func (c *child) report(cpu float64) {
	config := c.table.config
	ended := crash.Ended{
		Name: c.info.Name, BundleID: c.info.BundleID, Version: c.program.Version, Build: c.program.Build, Path: c.info.Path,
		PID: c.info.PID, Started: c.info.Started, At: config.Clock.Now(),
		Signal: syscall.Signal(c.exit.Signal), CPUSeconds: cpu, FootprintBytes: c.jetsam.Load(), LimitBytes: config.LimitBytes,
	}
	var err error
	switch {
	case ended.FootprintBytes > 0:
		_, err = config.Reports.Jetsam(ended)
		config.Log.Printf(
			"kernel", 0, "memorystatus: killing process %d [%s] (per-process-limit): %d bytes", ended.PID, ended.Name, ended.FootprintBytes,
		)
	case crash.IsCrash(ended.Signal):
		var name string
		name, err = config.Reports.Crash(ended)
		config.Log.Printf("ReportCrash", 5, "%s crashed with signal %d, report %s", ended.Name, c.exit.Signal, name)
	default:
		config.Log.Printf("SpringBoard", 2, "%s (process %d) ended: code %d, signal %d", c.info.BundleID, c.info.PID, c.exit.Code, c.exit.Signal)
	}
	if err != nil {
		config.Logger.Warn("no crash report", "pid", c.info.PID, "err", err)
	}
}

// guardMemory ends the process when its footprint exceeds the phone's limit, as jetsam does.
func (c *child) guardMemory() {
	limit := c.table.config.LimitBytes
	ticker := time.NewTicker(memoryCheck) // real time on purpose: the process runs in it
	defer ticker.Stop()
	for limit > 0 {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		u, err := usageOf(c.info.PID)
		if err == nil && u.FootprintBytes > limit {
			c.jetsam.Store(u.FootprintBytes)
			_ = c.signal(syscall.SIGKILL)
			return
		}
	}
}

func (c *child) hasEnded() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// signal goes to the process and what it started; a stopped process is woken so that it can die.
func (c *child) signal(s syscall.Signal) error {
	if err := syscall.Kill(-c.info.PID, s); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return errNoProcess
		}
		return err
	}
	return nil
}

// end kills the process and waits until it is gone.
func (c *child) end(ctx context.Context) error {
	if err := c.signal(syscall.SIGKILL); err != nil && !errors.Is(err, errNoProcess) {
		return err
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitStop returns when a process that was launched suspended stands still.
func (c *child) awaitStop(ctx context.Context) error {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.info.PID))
		if err == nil {
			if after := stat[bytes.LastIndexByte(stat, ')')+1:]; bytes.HasPrefix(after, []byte(" T")) {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-c.done:
			return errors.New("the process ended before it was resumed")
		case <-ctx.Done():
			_ = c.signal(syscall.SIGKILL)
			return ctx.Err()
		}
	}
}

// tee writes to both; what goes wrong at a client's end does not end the app's output.
type tee struct {
	first, second io.Writer
	broken        bool
}

func (t *tee) Write(p []byte) (int, error) {
	if !t.broken {
		if _, err := t.first.Write(p); err != nil {
			t.broken = true
		}
	}
	return t.second.Write(p)
}
