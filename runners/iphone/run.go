package iphone

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/coredevice"
	"github.com/lilims/bench/runners/iphone/internal/instruments"
	"github.com/lilims/bench/runners/iphone/internal/tether"
)

const (
	sessionsFolder = benchFolder + "/sessions"
	launches       = 3               // attempts: phones refuse a launch now and then for no lasting reason
	launchPause    = time.Second     // between them
	launchLimit    = 2 * time.Minute // of one: iOS verifies an app before its first launch
	endLimit       = 30 * time.Second
)

// folderName guards the names that become part of a path on the phone.
var folderName = regexp.MustCompile(`^[0-9A-Za-z_-][0-9A-Za-z._-]{0,127}$`)

// sessionFolder is where a launch's files lie: session ids are unique within a run only.
func sessionFolder(task harness.Task) (string, error) {
	for _, name := range []string{task.Run, task.Session} {
		if !folderName.MatchString(name) {
			return "", &harness.Error{Kind: harness.KindInternal, Op: "run session", Err: fmt.Errorf("%q cannot name a folder on a phone", name)}
		}
	}
	return path.Join(sessionsFolder, task.Run, task.Session), nil
}

// Run launches the app with the task and follows it to its end.
func (h *Handle) Run(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	f, err := h.newFollow(task, sink)
	if err != nil {
		return harness.Exit{}, err
	}
	defer f.stop()
	if err := f.writePlan(ctx); err != nil {
		return harness.Exit{}, h.fail("write plan", err)
	}
	sink.Notice(harness.Progress{Step: "launching"})
	if err := f.launch(ctx); err != nil {
		return harness.Exit{}, h.fail("launch app", h.whyNotLaunched(ctx, err))
	}
	if err := h.markLaunched(ctx, task.Build, task.Model); err != nil && ctx.Err() == nil {
		h.log.Warn("launch not marked on the phone", "err", err) // the loop below finds out whether the phone is gone
	}
	f.beginSampling(ctx)
	return f.watch(ctx), nil
}

// Collect reads an earlier launch from the beginning, and follows the app if it is still at it.
func (h *Handle) Collect(ctx context.Context, task harness.Task, sink harness.Sink) (harness.Exit, error) {
	f, err := h.newFollow(task, sink)
	if err != nil {
		return harness.Exit{}, err
	}
	defer f.stop()
	nothing := func(err error) error {
		return h.fail("collect session "+task.Session, fmt.Errorf("%w: %w", harness.ErrNoLaunch, err))
	}
	err = h.withFiles(ctx, task.Build.BundleID, func(c *afc.Client) error {
		_, statErr := c.Stat(ctx, f.events)
		return statErr
	})
	switch {
	case afc.IsNotFound(err), errors.Is(err, errNoApp):
		return harness.Exit{}, nothing(err)
	case err != nil:
		return harness.Exit{}, h.fail("collect session "+task.Session, err)
	}
	if err := f.catchUp(ctx); err != nil {
		return harness.Exit{}, h.fail("collect session "+task.Session, err)
	}
	if !f.ended && f.resume(ctx) {
		sink.Notice(harness.Progress{Step: "following the app, which is still running"})
		f.beginSampling(ctx)
		return f.watch(ctx), nil
	}
	return f.conclude(ctx), nil
}

// writePlan puts plan.json where the app will look for it.
func (f *follow) writePlan(ctx context.Context) error {
	plan := wire.NewTask(f.task, "../../../models/"+f.task.Model.Hash)
	text, err := plan.Encode()
	if err != nil {
		return err
	}
	return f.handle.withFiles(ctx, f.bundle, func(c *afc.Client) error {
		if err := c.MkdirAll(ctx, f.folder); err != nil {
			return err
		}
		return c.WriteFile(ctx, f.plan, text)
	})
}

// launch starts the app, and tries again where the phone refuses.
func (f *follow) launch(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := f.launchOnce(ctx)
		if err == nil || ctx.Err() != nil || attempt == launches || !launchable(err) {
			return err
		}
		f.handle.log.Warn("launch refused", "attempt", attempt, "err", err)
		f.handle.dropControl() // a connection on which a call failed may be out of step
		if err := f.handle.options.Clock.Sleep(ctx, launchPause); err != nil {
			return err
		}
	}
}

// launchable reports whether trying again may help.
func launchable(err error) bool {
	var lockdown *tether.LockdownError
	return !errors.As(err, &lockdown) && !errors.Is(err, errNoImage) && !errors.Is(err, errOldTunnel) && !errors.Is(err, tether.ErrAbsent)
}

func (f *follow) launchOnce(ctx context.Context) error {
	c, err := f.handle.reach(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, launchLimit, fmt.Errorf("the phone did not launch the app within %v", launchLimit))
	defer cancel()
	args := []string{"--plan", f.plan}
	if c.tunnel == nil {
		f.pid, err = c.hub.Start(ctx, instruments.Launch{BundleID: f.bundle, Args: args, Env: f.task.Env})
	} else {
		var started coredevice.Started
		started, err = coredevice.Start(ctx, c.tunnel, coredevice.Launch{BundleID: f.bundle, Args: args, Env: f.task.Env})
		if err == nil {
			f.pid = started.PID
			f.output = keepOutput(started.Output)
		}
	}
	if err != nil {
		return err
	}
	f.handle.log.Info("launched", "session", f.task.Session, "pid", f.pid)
	return c.hub.Observe(ctx, f.pid)
}

// whyNotLaunched adds what the phone does not say itself: a locked phone refuses with a number.
func (h *Handle) whyNotLaunched(ctx context.Context, err error) error {
	if ctx.Err() != nil || lost(err) && !launchable(err) {
		return err
	}
	lockdown, dialErr := h.phone.Lockdown(ctx)
	if dialErr != nil {
		return err
	}
	defer lockdown.Close()
	if locked, _ := lockdown.Value(ctx, "", "PasswordProtected"); locked == true {
		return fmt.Errorf("%w (%w)", &tether.LockdownError{Request: "launch", Reason: "PasswordProtected"}, err)
	}
	return err
}
