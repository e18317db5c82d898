package iphone

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	"github.com/lilims/bench/harness"
)

// conclude reads the rest of the events and payloads and says how the launch ended.
func (f *follow) conclude(ctx context.Context) harness.Exit {
	f.finish(ctx)
	exit := harness.Exit{Outcome: harness.OutcomeOK}
	if f.exit != nil {
		exit.Code, exit.Signal = f.exit.Code, f.exit.Signal
	}
	if f.ended {
		switch {
		case f.killed:
			exit.Reason = fmt.Sprintf("the app was still running %v after its last event and was terminated", linger)
		case exit.Code != nil && *exit.Code != 0:
			exit.Reason = fmt.Sprintf("the app ended with exit code %d after its last event", *exit.Code)
		}
		return exit
	}
	report := f.crashReport(ctx)
	if f.restarted {
		return harness.Exit{Outcome: harness.OutcomeDeviceLost, Reason: "the phone restarted, which ended the app", Evidence: f.evidence("")}
	}
	exit.Outcome, exit.Reason = harness.OutcomeAppCrash, f.crashReason(exit)
	if report.jetsam {
		exit.Outcome, exit.Reason = harness.OutcomeJetsam, "the system terminated the app for its memory use: "+report.reason
	}
	exit.Evidence = f.evidence(report.text)
	return exit
}

// crashReport looks for the phone's report. A phone that is gone by then is waited for once: what ended the app may have
// been a restart, which tells of the ended process before the connection breaks.
func (f *follow) crashReport(ctx context.Context) report {
	if f.restarted {
		return report{}
	}
	found, err := f.handle.crashReport(ctx, f)
	if lost(err) && ctx.Err() == nil && f.regain(ctx, err) == nil && !f.restarted {
		found, err = f.handle.crashReport(ctx, f)
	}
	if err != nil {
		f.handle.log.Warn("crash reports not readable", "err", err)
	}
	return found
}

func (f *follow) crashReason(exit harness.Exit) string {
	reason := "the app's events end without an end event"
	switch {
	case exit.Signal != nil:
		reason = fmt.Sprintf("the app was ended by signal %d (%v) before its last event", *exit.Signal, syscall.Signal(*exit.Signal))
	case exit.Code != nil:
		reason = fmt.Sprintf("the app ended with exit code %d before its last event", *exit.Code)
	case f.exit != nil:
		reason = "the app ended before its last event; the phone does not say how"
	}
	if f.cutOff > 0 {
		reason += fmt.Sprintf("; its last line was cut off after %d bytes", f.cutOff)
	}
	return reason
}

// evidence joins a crash report and the app's last output.
func (f *follow) evidence(report string) string {
	var parts []string
	if report != "" {
		parts = append(parts, report)
	}
	text := f.output.text()
	if text == "" && f.handle.control != nil {
		text = string(f.handle.control.hub.Output())
	}
	if text != "" {
		parts = append(parts, "last output:\n"+text)
	}
	return strings.Join(parts, "\n\n")
}

// finish hands on all that is left on the phone: the end of the events, payloads that no event named, and a last
// reading of the gauge. A phone that goes away now is waited for once more, as its file is complete.
func (f *follow) finish(ctx context.Context) {
	err := f.catchUp(ctx)
	if err != nil && ctx.Err() == nil && f.regain(ctx, err) == nil {
		err = f.catchUp(ctx)
	}
	f.closeLines(err, true)
	if err := f.fetchRest(ctx); err != nil {
		f.handle.log.Warn("payloads not read", "session", f.task.Session, "err", err)
	}
	f.lastReading(ctx)
}

// closeLines hands on a last line that was cut off with its writer. err is why the file was not read to its end, if it was
// not: then, or while the app may live on, the rest of the line is still to come.
func (f *follow) closeLines(err error, ended bool) {
	if err != nil {
		f.handle.log.Warn("events not read to their end", "session", f.task.Session, "err", err)
		return
	}
	if ended {
		f.cutOff = len(f.lines.Partial())
		f.lines.Close(f.line)
	}
}

// fetchRest fetches payload files that the app had no time to name.
func (f *follow) fetchRest(ctx context.Context) error {
	files, err := f.handle.files(ctx, f.bundle)
	if err != nil {
		return err
	}
	names, err := files.List(ctx, f.folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if path.Ext(name) == ".json" && name != path.Base(f.plan) && !f.fetched[name] {
			f.payloads = append(f.payloads, name)
		}
	}
	return f.fetchPayloads(ctx)
}

// cancelled ends the app after ctx has ended, and hands on what its file holds.
func (f *follow) cancelled(ctx context.Context) harness.Exit {
	cause := context.Cause(ctx)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	f.forget() // the connections ended with the context
	if f.exit == nil {
		f.killed = true
		if err := f.end(ctx); err != nil {
			f.handle.log.Warn("app not ended", "session", f.task.Session, "err", err)
		}
	}
	f.closeLines(f.catchUp(ctx), f.exit != nil)
	exit := harness.Exit{Outcome: harness.OutcomeCancelled, Reason: "stopped: " + cause.Error(), Evidence: f.evidence("")}
	if f.exit != nil {
		exit.Code, exit.Signal = f.exit.Code, f.exit.Signal
	}
	if errors.Is(cause, context.DeadlineExceeded) {
		exit.Outcome, exit.Reason = harness.OutcomeTimeout, "no end within the time limit; the app was ended"
	}
	return exit
}

// end kills the process and waits until the phone tells its end.
func (f *follow) end(ctx context.Context) error {
	c, err := f.handle.reach(ctx)
	if err != nil {
		return err
	}
	if err := c.hub.Observe(ctx, f.pid); err != nil {
		return err
	}
	if err := f.kill(ctx); err != nil {
		return err
	}
	for {
		select {
		case exit := <-c.hub.Exits():
			if exit.PID == f.pid {
				f.exit = &exit
				return nil
			}
		case <-f.handle.options.Clock.After(linger):
			return errors.New("the phone does not report how the app ended")
		case <-c.hub.Done():
			return c.hub.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// abandoned is the exit of a launch whose phone did not come back.
func (f *follow) abandoned(ctx context.Context, err error) harness.Exit {
	if ctx.Err() != nil {
		return f.cancelled(ctx)
	}
	var gone *errLost
	reason := err.Error()
	if errors.As(err, &gone) {
		reason = "the phone was " + gone.Error()
	}
	return harness.Exit{Outcome: harness.OutcomeDeviceLost, Reason: reason, Evidence: f.evidence("")}
}
