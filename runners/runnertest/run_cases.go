package runnertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

func (c *contract) TestRunDeliversAllLines() {
	s := c.ready()
	task := c.task("whole", "")
	r, exit := c.run(s, task)
	c.Equal(harness.OutcomeOK, exit.Outcome, "Run() = %+v", exit)
	if exit.Code != nil {
		c.Zero(*exit.Code, "exit code")
	}
	c.complete(r, task)
	// A second launch is another session.
	task = c.task("another", "")
	r, _ = c.run(s, task)
	c.complete(r, task)
}

func (c *contract) TestCrash() {
	r, exit := c.run(c.ready(), c.task("crash", c.place("crash")))
	c.Equal(harness.OutcomeAppCrash, exit.Outcome, "Run() of a crashing app = %+v", exit)
	c.NotEmpty(exit.Reason, "reason of a crash")
	c.partial(r)
}

func (c *contract) TestJetsam() {
	r, exit := c.run(c.ready(), c.task("jetsam", c.place("jetsam")))
	c.Contains([]harness.Outcome{harness.OutcomeJetsam, harness.OutcomeAppCrash}, exit.Outcome,
		"an app that the system kills ends with jetsam, or with app_crash where that cannot be told: %+v", exit)
	c.NotEmpty(exit.Reason, "reason of a kill")
	c.partial(r)
}

func (c *contract) TestExitCode() {
	_, exit := c.run(c.ready(), c.task("exit", "exit@load"))
	c.Equal(harness.OutcomeAppCrash, exit.Outcome, "Run() of an app that ends with code 9 while loading = %+v", exit)
	if exit.Code != nil {
		c.Equal(9, *exit.Code, "exit code")
	}
}

func (c *contract) TestErrorEvent() {
	r, exit := c.run(c.ready(), c.task("oom", c.place("oom")))
	events := c.decoded(r)
	c.Require().NotEmpty(events, "an app that reports an error and ends in order (exit %+v)", exit)
	c.Equal(wire.End, events[len(events)-1].Kind, "last event of an app that reports an error and ends in order (exit %+v)", exit)
	if exit.Code != nil {
		c.NotZero(*exit.Code, "exit code after an error")
	}
}

func (c *contract) TestGarbledLine() {
	r, exit := c.run(c.ready(), c.task("garble", "garble@line:8"))
	c.Equal(harness.OutcomeOK, exit.Outcome, "judging lines is not the runner's part: %+v", exit)
	garbled := 0
	for i, text := range r.all() {
		if wire.DecodeLine(i+1, []byte(text)).Garbled != nil {
			garbled++
		}
	}
	c.Equal(1, garbled, "damaged lines")
	c.Empty(r.problems)
}

// TestTornLine: the line that a dying app did not finish is evidence too, and comes last.
func (c *contract) TestTornLine() {
	if !c.Torn {
		c.T().Skip("the app knows no such fault")
	}
	s := c.ready()
	task := c.task("torn", "tear@line:6")
	r, exit := c.run(s, task)
	c.Equal(harness.OutcomeAppCrash, exit.Outcome, "Run() of an app that dies within a line = %+v", exit)
	c.Empty(r.problems)
	lines := r.all()
	c.Require().Len(lines, 6, "the 5 whole lines and the torn one")
	for i, text := range lines {
		c.NotEmpty(text, "line %d", i+1)
		c.Equal(i == 5, wire.DecodeLine(i+1, []byte(text)).Garbled != nil, "line %d is damaged: %q", i+1, text)
	}
	var again record
	_, err := s.Collect(c.ctx, task, &again)
	c.Require().NoError(err, "Collect()")
	c.Equal(lines, again.all(), "lines collected again")
}

// TestHangUntilCancelled: an app that does nothing more is ended with its context, soon, and its lines are all there.
func (c *contract) TestHangUntilCancelled() {
	s := c.ready()
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var r record
	var once sync.Once
	r.line = func(n int) {
		if strings.Contains(r.all()[n-1], `"iteration":1`) {
			once.Do(func() { time.AfterFunc(300*time.Millisecond, cancel) })
		}
	}
	exit, err := s.Run(ctx, c.task("hang", c.place("hang")), &r)
	c.Require().NoError(c.ctx.Err(), "Run() did not come back from a hanging app")
	c.Require().NoError(err, "Run() with its context ended")
	c.Equal(harness.OutcomeCancelled, exit.Outcome, "Run() with its context ended = %+v", exit)
	c.partial(&r)
	// The device is free again.
	task := c.task("after", "")
	again, exit := c.run(s, task)
	c.Require().Equal(harness.OutcomeOK, exit.Outcome, "Run() after a hang = %+v", exit)
	c.complete(again, task)
}

func (c *contract) TestCancelledBefore() {
	s := c.ready()
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	// An error will do as well.
	if exit, err := s.Run(ctx, c.task("never", ""), &record{}); err == nil {
		c.Equal(harness.OutcomeCancelled, exit.Outcome, "Run() with a context that has ended = %+v", exit)
	}
}

// TestDevicesAtOnce: launches on different devices at once lose nothing and mix nothing up.
func (c *contract) TestDevicesAtOnce() {
	devices, err := c.runner.Devices(c.ctx)
	if err != nil || len(devices) < 2 {
		c.T().Skipf("%d devices (%v); this wants two", len(devices), err)
	}
	var group sync.WaitGroup
	for i, d := range devices {
		s := c.open(d)
		group.Go(func() { c.launchBeside(d, s, c.task(fmt.Sprintf("at-once-%d", i), "")) })
	}
	group.Wait()
}

// launchBeside runs on a goroutine of its own.
func (c *contract) launchBeside(d harness.Device, s harness.Handle, task harness.Task) {
	var r record
	var exit harness.Exit
	_, err := s.Prepare(c.ctx, c.Build, c.Model, func(harness.Progress) {})
	if err == nil {
		exit, err = s.Run(c.ctx, task, &r)
	}
	if c.NoError(err, "launch on %s", d.Name) && c.Equal(harness.OutcomeOK, exit.Outcome, "Run() on %s = %+v", d.Name, exit) {
		for _, e := range c.decoded(&r) {
			if e.Kind == wire.Hello {
				c.Equal(task.Session, e.Session, "session whose lines %s delivers", d.Name)
			}
		}
		c.Equal(1, strings.Count(strings.Join(r.all(), "\n"), `"kind":"end"`), "ends that %s delivers", d.Name)
	}
}
