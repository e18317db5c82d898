package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// process.json names a launch's process, so that another harness can find it again.
type processFile struct {
	PID  int    `json:"pid"`
	Born string `json:"born"`
}

func (h *handle) folder(task harness.Task) string {
	return filepath.Join(h.Dir, "sessions", filepath.Base(task.Run), filepath.Base(task.Session))
}

// Run launches the agent and follows its event file to the end.
func (h *handle) Run(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	if ctx.Err() != nil {
		return harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "ended before the launch"}, nil
	}
	hash, err := h.hashOf(task.Build)
	if err != nil {
		return harness.Exit{}, err
	}
	folder := h.folder(task)
	if err = h.writePlan(folder, task); err != nil {
		return harness.Exit{}, err
	}
	output, err := os.OpenFile(filepath.Join(folder, "output.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return harness.Exit{}, storage("launch app", err)
	}
	defer output.Close()
	// No CommandContext: the group is ended as a whole, and a killed harness leaves the app to finish its work.
	command := exec.Command(h.agent(hash), "--plan", filepath.Join(folder, "plan.json"))
	command.Dir, command.Stdout, command.Stderr = folder, output, output
	command.Env = append([]string(nil), h.Environ...)
	for k, v := range task.Env {
		command.Env = append(command.Env, k+"="+v)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		return harness.Exit{}, &harness.Error{Kind: harness.KindBuild, Op: "launch app", Err: err, Hint: "Is the agent built for this host?"}
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	if err := h.mark(folder, hash, task, command.Process.Pid); err != nil {
		killGroup(command.Process.Pid)
		<-ended
		return harness.Exit{}, err
	}
	pid := command.Process.Pid
	f := &follower{handle: h, folder: folder, task: task, sink: sink, pid: pid, kill: func() { killGroup(pid) }}
	cancelled := f.follow(ctx, ended)
	return h.exit(folder, command.ProcessState, cancelled), nil
}

func (h *handle) writePlan(folder string, task harness.Task) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return storage("write plan", err)
	}
	model, err := filepath.Abs(task.Model.Path)
	if err != nil {
		return storage("write plan", err)
	}
	if real, linkErr := filepath.EvalSymlinks(folder); linkErr == nil {
		folder = real // ".." in the plan is resolved by the kernel, behind links
	}
	if model, err = filepath.Rel(folder, model); err != nil {
		return storage("write plan", err)
	}
	text, err := wire.NewTask(task, filepath.ToSlash(model)).Encode()
	if err != nil {
		return &harness.Error{Kind: harness.KindInternal, Op: "write plan", Err: err}
	}
	if err := os.WriteFile(filepath.Join(folder, "plan.json"), text, 0o644); err != nil {
		return storage("write plan", err)
	}
	return nil
}

// mark notes that build and model have met, and which process it is.
func (h *handle) mark(folder, hash string, task harness.Task, pid int) error {
	text, err := json.Marshal(processFile{PID: pid, Born: born(pid)})
	if err != nil {
		return &harness.Error{Kind: harness.KindInternal, Op: "launch app", Err: err}
	}
	mark := h.launchMark(hash, task.Model)
	err = errors.Join(
		os.WriteFile(filepath.Join(folder, "process.json"), text, 0o644),
		os.MkdirAll(filepath.Dir(mark), 0o755),
		os.WriteFile(mark, nil, 0o644))
	if err != nil {
		return storage("launch app", err)
	}
	return nil
}

// killGroup ends the process group that an agent leads. A group that is gone already is what is wanted.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// running reports whether the process is still the one that was launched: numbers are given again.
func (p processFile) running() bool { return p.PID > 1 && p.Born != "" && born(p.PID) == p.Born }

// evidence is the end of what the app said on its outputs.
func evidence(folder string) string {
	const most = 4 << 10
	text, err := os.ReadFile(filepath.Join(folder, "output.log"))
	if err != nil {
		return ""
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
}

// exit tells how the process ended.
func (h *handle) exit(folder string, state *os.ProcessState, cancelled bool) harness.Exit {
	status, ok := state.Sys().(syscall.WaitStatus)
	switch {
	case cancelled:
		return harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "ended by the harness", Evidence: evidence(folder)}
	case ok && status.Signaled():
		signal := int(status.Signal())
		e := harness.Exit{
			Outcome: harness.OutcomeAppCrash, Signal: &signal, Reason: "killed by signal " + status.Signal().String(), Evidence: evidence(folder),
		}
		if status.Signal() == syscall.SIGKILL {
			// The harness did not send it. On a host that leaves a person and the kernel when memory runs out.
			e.Outcome, e.Reason = harness.OutcomeJetsam, "killed from outside, as the system does when memory runs out"
		}
		return e
	}
	code := state.ExitCode()
	e := harness.Exit{Outcome: harness.OutcomeOK, Code: &code}
	if code != 0 {
		e.Outcome, e.Reason, e.Evidence = harness.OutcomeAppCrash, fmt.Sprintf("exit code %d", code), evidence(folder)
	}
	return e
}

// Collect reads an earlier launch's file, and follows the app when it is still at it.
func (h *handle) Collect(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	folder := h.folder(task)
	if _, err := os.Stat(filepath.Join(folder, "plan.json")); errors.Is(err, os.ErrNotExist) {
		return harness.Exit{}, &harness.Error{Kind: harness.KindDevice, Op: "collect launch", Device: h.host.Name, Err: harness.ErrNoLaunch}
	} else if err != nil {
		return harness.Exit{}, storage("collect launch", err)
	}
	var p processFile
	if text, err := os.ReadFile(filepath.Join(folder, "process.json")); err == nil {
		// A file that was cut off with its writer names no process: the launch did not come to anything.
		_ = json.Unmarshal(text, &p)
	}
	ended := make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	go h.watch(p, ended, stop)
	f := &follower{handle: h, folder: folder, task: task, sink: sink, pid: p.PID, kill: func() {
		if p.running() {
			killGroup(p.PID)
		}
	}}
	if f.follow(ctx, ended) {
		return harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "ended by the harness", Evidence: evidence(folder)}, nil
	}
	if f.ended {
		return harness.Exit{Outcome: harness.OutcomeOK}, nil
	}
	return harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "the event file has no end", Evidence: evidence(folder)}, nil
}

// watch tells when a process that is no child of ours has ended.
func (h *handle) watch(p processFile, ended chan<- error, stop <-chan struct{}) {
	for p.running() {
		select {
		case <-h.Clock.After(h.Poll):
		case <-stop:
			return
		}
	}
	ended <- nil
}

// due reports whether an interval has passed, and starts the next.
func due(last *time.Time, now time.Time, every time.Duration) bool {
	if every <= 0 || now.Sub(*last) < every {
		return false
	}
	*last = now
	return true
}
