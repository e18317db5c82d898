package instruments

import (
	"context"
	"fmt"
	"sync"
	"syscall"

	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
	"github.com/lilims/bench/virtualiphone/process"
)

// launchDomain and launchFailed are the NSError that a phone answers a refused launch with.
const (
	launchDomain = "com.apple.dt.deviceprocesscontrolservice"
	launchFailed = 2
)

// processControl launches, signals and watches apps. What it launched lives on after the connection.
type processControl struct {
	server  *Server
	channel *dtx.Channel

	mu       sync.Mutex
	observed map[int]bool // processes whose end is to be told
}

func (s *session) processControl(_ context.Context, channel *dtx.Channel) dtx.Service {
	return &processControl{server: s.server, channel: channel, observed: map[int]bool{}}
}

func (p *processControl) Close() {}

func (p *processControl) Invoke(ctx context.Context, call dtx.Call) (any, error) {
	switch call.Selector {
	case "launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:":
		return p.launch(ctx, call)
	case "processIdentifierForBundleIdentifier:":
		return p.find(call)
	case "sendSignal:toPid:":
		signal, ok := int64(0), false
		if len(call.Args) > 0 {
			signal, ok = nskeyed.Int(call.Args[0])
		}
		if !ok || signal < 0 || signal > 31 {
			return nil, fmt.Errorf("%s: argument 0 is no signal", call.Selector)
		}
		return nil, p.withPID(call, 1, func(pid int) error { return p.table().Signal(pid, int(signal)) })
	case "killPid:":
		return nil, p.withPID(call, 0, func(pid int) error { return p.table().Signal(pid, int(syscall.SIGKILL)) })
	case "resumePid:":
		return nil, p.withPID(call, 0, p.table().Resume)
	case "startObservingPid:":
		return nil, p.withPID(call, 0, p.observe)
	case "stopObservingPid:":
		return nil, p.withPID(call, 0, func(pid int) error { p.take(pid); return nil })
	case "requestDisableMemoryLimitsForPid:":
		return p.disableMemoryLimit(call)
	}
	return nil, dtx.Unknown(call)
}

func (p *processControl) table() process.Table { return p.server.device.Processes() }

func (p *processControl) withPID(call dtx.Call, i int, do func(pid int) error) error {
	pid, err := call.PID(i)
	if err != nil {
		return err
	}
	return do(pid)
}

func (p *processControl) launch(ctx context.Context, call dtx.Call) (any, error) {
	spec, err := specOf(call)
	if err != nil {
		return nil, err
	}
	out := &output{control: p}
	spec.Output = out
	info, err := p.table().Launch(context.WithoutCancel(ctx), spec)
	if err != nil {
		return nil, nskeyed.NewError(launchDomain, launchFailed, fmt.Sprintf("Request to launch %s failed. %v", spec.BundleID, err))
	}
	out.start(info.PID)
	return info.PID, nil
}

// specOf reads the five arguments of a launch. The device path (argument 0) is ignored, as phones do.
func specOf(call dtx.Call) (process.Spec, error) {
	bundle, err := call.String(1)
	if err != nil {
		return process.Spec{}, err
	}
	env, err := call.Map(2)
	if err != nil {
		return process.Spec{}, err
	}
	args, err := call.List(3)
	if err != nil {
		return process.Spec{}, err
	}
	options, err := call.Map(4)
	if err != nil {
		return process.Spec{}, err
	}
	spec := process.Spec{
		BundleID: bundle, Env: make(map[string]string, len(env)), Suspended: isSet(options["StartSuspendedKey"]),
		KillExisting: isSet(options["KillExisting"]),
	}
	for k, v := range env {
		spec.Env[k] = fmt.Sprint(v)
	}
	for _, a := range args {
		spec.Args = append(spec.Args, fmt.Sprint(a))
	}
	return spec, nil
}

func isSet(option any) bool {
	n, ok := nskeyed.Int(option)
	return ok && n != 0
}

func (p *processControl) find(call dtx.Call) (any, error) {
	bundle, err := call.String(0)
	if err != nil {
		return nil, err
	}
	for _, info := range p.table().List() {
		if info.BundleID == bundle {
			return info.PID, nil
		}
	}
	return 0, nil // what a phone says of an app that does not run
}

// observe has the process's end told to the client, once.
func (p *processControl) observe(pid int) error {
	p.mu.Lock()
	already := p.observed[pid]
	p.observed[pid] = true
	p.mu.Unlock()
	if already {
		return nil
	}
	err := p.table().Watch(pid, func(exit process.Exit) {
		if !p.take(pid) {
			return
		}
		code, signal := any(exit.Code), any(nskeyed.Null{})
		if exit.Signal != 0 {
			code, signal = nskeyed.Null{}, exit.Signal
		}
		// A client that has gone is told nothing.
		_ = p.channel.Call("processWithPID:terminatedWithExitCode:orCrashingSignal:", pid, code, signal)
	})
	if err != nil {
		p.take(pid)
	}
	return err
}

// take ends the observation of pid and reports whether there was one.
func (p *processControl) take(pid int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.observed[pid]
	delete(p.observed, pid)
	return was
}

// limiter is a process table that enforces memory limits and can lift them.
type limiter interface {
	DisableMemoryLimit(pid int) error
}

// disableMemoryLimit answers true only where a limit was lifted.
func (p *processControl) disableMemoryLimit(call dtx.Call) (any, error) {
	pid, err := call.PID(0)
	if err != nil {
		return nil, err
	}
	table, ok := p.table().(limiter)
	if !ok {
		return false, nil
	}
	return true, table.DisableMemoryLimit(pid)
}
