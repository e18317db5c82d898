// Package runnertest is the contract of [harness.Runner] and [harness.Handle] as a suite of tests. Every runner passes
// them: the simulated lab, this host's processes, the virtual iPhone on every run of the tests, and a real phone when one
// is named. What comes in is a function that opens a fresh lab; what goes out is a test that passes or fails. It must
// never know a concrete runner.
package runnertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/suite"

	"github.com/lilims/bench/harness"
)

// Fixture is what a lab offers to the tests.
type Fixture struct {
	Build    harness.Build
	Model    harness.Model
	Fault    func(name string) map[string]string // environment of a fault; nil: LILIMS_FAULT=name
	Torn     bool                                // apps know the fault tear@line:N: crash with half of line N written
	Slow     map[string]string                   // environment in which a token takes some 50 ms of the host's time; nil: no such thing
	Battery  bool                                // devices have a battery gauge
	Reopen   func(t *testing.T) harness.Runner   // another runner on the same devices, as after a restart; nil: cannot
	Generate int                                 // tokens an iteration; 0: 12
	Wait     time.Duration                       // longest time that anything may take; 0: 30 s
}

// Opener makes a fresh lab: no build, no model, no launches on its devices.
type Opener func(t *testing.T) (harness.Runner, Fixture)

// Run checks a runner against the contract: one subtest per case, each in a fresh lab.
func Run(t *testing.T, open Opener) { suite.Run(t, &contract{opener: open}) }

// contract is the suite: its methods named Test… are the cases. A case that works beside the test's own goroutine uses
// assertions that do not end it.
type contract struct {
	suite.Suite
	Fixture
	opener Opener
	ctx    context.Context
	cancel context.CancelFunc
	runner harness.Runner
}

// SetupTest opens a fresh lab for the case.
func (c *contract) SetupTest() {
	c.runner, c.Fixture = c.opener(c.T())
	if c.Generate == 0 {
		c.Generate = 12
	}
	if c.Wait == 0 {
		c.Wait = 30 * time.Second
	}
	c.ctx, c.cancel = context.WithTimeout(context.Background(), c.Wait)
}

// TearDownTest ends what the case has left running; the lab's own clean-up follows.
func (c *contract) TearDownTest() { c.cancel() }

func (c *contract) device() harness.Device {
	c.T().Helper()
	devices, err := c.runner.Devices(c.ctx)
	c.Require().NoError(err, "Devices()")
	c.Require().NotEmpty(devices, "Devices()")
	return devices[0]
}

func (c *contract) open(d harness.Device) harness.Handle {
	c.T().Helper()
	s, err := c.runner.Open(c.ctx, d)
	c.Require().NoError(err, "Open(%s)", d.Name)
	c.T().Cleanup(func() { _ = s.Close() })
	return s
}

func (c *contract) prepare(s harness.Handle) harness.Prepared {
	c.T().Helper()
	p, err := s.Prepare(c.ctx, c.Build, c.Model, func(harness.Progress) {})
	c.Require().NoError(err, "Prepare()")
	return p
}

// ready opens the first device and puts build and model on it.
func (c *contract) ready() harness.Handle {
	c.T().Helper()
	s := c.open(c.device())
	c.prepare(s)
	return s
}

// task is a small one: a warm-up and two iterations.
func (c *contract) task(session, fault string) harness.Task {
	t := harness.Task{
		Run: "contract", Session: session, Build: c.Build, Model: c.Model, Prompt: "Once upon a time", Env: map[string]string{},
		Scenario: harness.Scenario{
			Name: "contract", Prompt: "Once upon a time", GenerateTokens: c.Generate, Warmups: 1, Iterations: 2,
			ComputeUnits: harness.ComputeCPUOnly,
		},
		ReconnectTimeout: 10 * time.Second, TelemetryInterval: 100 * time.Millisecond,
	}
	if fault != "" {
		t.Env["LILIMS_FAULT"] = fault
		if c.Fault != nil {
			t.Env = c.Fault(fault)
		}
	}
	return t
}

func (c *contract) run(s harness.Handle, task harness.Task) (*record, harness.Exit) {
	c.T().Helper()
	r := &record{}
	exit, err := s.Run(c.ctx, task, r)
	c.Require().NoError(err, "Run(%s)", task.Session)
	return r, exit
}

// reopen is the first device as another runner holds it.
func (c *contract) reopen() harness.Handle {
	c.T().Helper()
	c.runner = c.Reopen(c.T())
	return c.open(c.device())
}
