package runnertest

import (
	"path/filepath"

	"github.com/lilims/bench/harness"
)

func (c *contract) TestDevices() {
	first, err := c.runner.Devices(c.ctx)
	c.Require().NoError(err)
	c.Require().NotEmpty(first)
	seen := map[string]bool{}
	for _, d := range first {
		c.NotEmpty(d.UDID, "UDID of %+v", d)
		c.NotEmpty(d.Name, "name of %+v", d)
		c.NotEmpty(d.Kind, "kind of %+v", d)
		c.NotEmpty(d.ProductType, "product type of %+v", d)
		c.NotContains(d.ProductType, "/")
		c.False(seen[d.UDID], "UDID %s comes twice", d.UDID)
		seen[d.UDID] = true
	}
	again, err := c.runner.Devices(c.ctx)
	c.Require().NoError(err)
	c.Equal(first, again, "Devices() again")
}

func (c *contract) TestOpenUnknown() {
	_, err := c.runner.Open(c.ctx, harness.Device{UDID: "no-such-device", Name: "nobody's phone"})
	c.Require().Error(err)
	c.Equal(harness.KindDevice, harness.KindOf(err), "kind of %v", err)
	c.NotEmpty(harness.HintOf(err), "hint of %v", err)
}

// TestOpenTwice: a device that was let go can be taken hold of again.
func (c *contract) TestOpenTwice() {
	d := c.device()
	c.Require().NoError(c.open(d).Close())
	_, err := c.open(d).State(c.ctx)
	c.NoError(err, "State() of the second handle")
}

func (c *contract) TestState() {
	state, err := c.open(c.device()).State(c.ctx)
	c.Require().NoError(err)
	c.Require().False(state.At.IsZero(), "State() says no time: %+v", state)
	if c.Battery {
		c.Require().NotNil(state.BatteryPercent)
		c.Positive(*state.BatteryPercent)
		c.LessOrEqual(*state.BatteryPercent, 100.0)
	}
	if celsius := state.BatteryCelsius; celsius != nil {
		c.InDelta(40, *celsius, 60, "battery temperature in °C")
	}
}

func (c *contract) TestPrepareIsIdempotent() {
	s := c.open(c.device())
	c.True(c.prepare(s).FirstEver, "first ever on a fresh device")
	second := c.prepare(s)
	c.True(second.FirstEver, "still first ever without a launch between")
	c.False(second.BuildInstalled, "nothing to install again")
	c.False(second.ModelPushed, "nothing to push again")
	c.Zero(second.PushedBytes, "nothing to push again")
	_, exit := c.run(s, c.task("first", ""))
	c.Require().Equal(harness.OutcomeOK, exit.Outcome, "Run() = %+v", exit)
	third := c.prepare(s)
	c.False(third.FirstEver, "first ever after a launch")
	c.False(third.BuildInstalled, "nothing to install after a launch")
	c.False(third.ModelPushed, "nothing to push after a launch")
}

func (c *contract) TestPrepareRefusesWhatIsNotThere() {
	s := c.open(c.device())
	build, model := c.Build, c.Model
	build.Path, build.Hash = filepath.Join(c.T().TempDir(), "missing"), "00"
	_, err := s.Prepare(c.ctx, build, c.Model, func(harness.Progress) {})
	c.Require().Error(err, "a missing build")
	c.Equal(harness.KindBuild, harness.KindOf(err), "kind of %v", err)
	model.Path, model.Hash = filepath.Join(c.T().TempDir(), "missing"), "00"
	_, err = s.Prepare(c.ctx, c.Build, model, func(harness.Progress) {})
	c.Require().Error(err, "a missing model")
	c.Equal(harness.KindModel, harness.KindOf(err), "kind of %v", err)
	c.prepare(s) // the handle still works
}

func (c *contract) TestBattery() {
	if !c.Battery {
		c.T().Skip("this lab's devices have no battery gauge")
	}
	s := c.ready()
	r, _ := c.run(s, c.task("battery", ""))
	c.NotEmpty(r.battery, "battery readings with telemetry on")
	for _, b := range r.battery {
		c.False(b.At.IsZero(), "a battery reading says no time: %+v", b)
		c.Require().NotNil(b.VoltageMillivolt)
		c.InDelta(3750, *b.VoltageMillivolt, 1250, "battery voltage in mV")
	}
	if gauge, ok := s.(harness.Gauge); ok {
		reading, err := gauge.Battery(c.ctx)
		c.Require().NoError(err)
		c.False(reading.At.IsZero(), "Battery() says no time: %+v", reading)
	}
	task := c.task("silent", "")
	task.TelemetryInterval = 0
	silent, _ := c.run(s, task)
	c.Empty(silent.battery, "battery readings with telemetry off")
	c.Empty(silent.samples, "samples with telemetry off")
}
