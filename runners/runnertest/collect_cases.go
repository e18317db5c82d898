package runnertest

import (
	"maps"
	"sync"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

func (c *contract) TestCollectEqualsRun() {
	s := c.ready()
	for name, fault := range map[string]string{"whole": "", "crashed": c.place("crash")} {
		task := c.task(name, fault)
		r, exit := c.run(s, task)
		var again record
		collected, err := s.Collect(c.ctx, task, &again)
		c.Require().NoError(err, "Collect(%s)", name)
		c.Equal(r.all(), again.all(), "Collect(%s) delivers the lines of the launch", name)
		c.Empty(again.problems, "Collect(%s)", name)
		want := harness.OutcomeOK
		if exit.Outcome != harness.OutcomeOK {
			want = harness.OutcomeAppCrash
		}
		c.Equal(want, collected.Outcome, "Collect(%s) = %+v", name, collected)
	}
	if c.Reopen == nil {
		return
	}
	_ = s.Close()
	var later record
	_, err := c.reopen().Collect(c.ctx, c.task("whole", ""), &later)
	c.Require().NoError(err, "Collect() by another runner")
	c.complete(&later, c.task("whole", ""))
}

func (c *contract) TestCollectUnknown() {
	_, err := c.ready().Collect(c.ctx, c.task("unheard-of", ""), &record{})
	c.ErrorIs(err, harness.ErrNoLaunch, "Collect() of a launch that never was")
}

// TestCollectFollows: an app that is still at it when another harness comes is followed to its end.
func (c *contract) TestCollectFollows() {
	if c.Slow == nil || c.Reopen == nil {
		c.T().Skip("this lab has no slow app or cannot be opened again")
	}
	task := c.task("followed", "")
	maps.Copy(task.Env, c.Slow)
	s := c.ready()
	began := make(chan struct{})
	var r record
	r.line = func(n int) {
		if n == 5 {
			close(began)
		}
	}
	var group sync.WaitGroup
	group.Go(func() {
		_, err := s.Run(c.ctx, task, &r)
		c.NoError(err, "Run()")
	})
	defer group.Wait()
	<-began
	var follower record
	exit, err := c.reopen().Collect(c.ctx, task, &follower)
	c.Require().NoError(err, "Collect() of a launch in progress")
	c.Equal(harness.OutcomeOK, exit.Outcome, "Collect() of a launch in progress = %+v", exit)
	c.complete(&follower, task)
}

func (c *contract) TestPayload() {
	task := c.task("payload", "payload@load")
	s := c.ready()
	r, _ := c.run(s, task)
	told := 0
	for _, e := range c.decoded(r) {
		if e.Kind == wire.Payload {
			told++
		}
	}
	if told == 0 {
		c.T().Skip("this lab's agent writes no payloads")
	}
	c.Contains(r.payloads["metric-0.json"], "metaData")
	var again record
	_, err := s.Collect(c.ctx, task, &again)
	c.Require().NoError(err, "Collect()")
	c.Equal(r.payloads, again.payloads, "payloads that Collect() delivers")
}
