package runnertest

import (
	"fmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// place is a token in the middle of the second iteration.
func (c *contract) place(fault string) string {
	return fmt.Sprintf("%s@token:%d", fault, c.Generate+c.Generate/2)
}

// decoded checks what holds of every launch's lines and returns them as events; garbled lines are left out.
func (c *contract) decoded(r *record) []wire.Event {
	c.T().Helper()
	c.Empty(r.problems)
	var out []wire.Event
	for i, text := range r.all() {
		if line := wire.DecodeLine(i+1, []byte(text)); line.Event != nil {
			out = append(out, *line.Event)
		}
	}
	return out
}

// complete checks that the lines are a whole launch of the task.
func (c *contract) complete(r *record, task harness.Task) {
	c.T().Helper()
	events := c.decoded(r)
	c.Require().GreaterOrEqual(len(events), 3, "events of a whole launch")
	c.Require().Equal(wire.Hello, events[0].Kind, "first event")
	c.Require().Equal(task.Session, events[0].Session, "session of the first event")
	c.Require().Equal(wire.End, events[len(events)-1].Kind, "last event")
	tokens, ended := 0, 0
	for i, e := range events {
		c.Require().Equal(int64(i), e.Seq, "sequence number of event %d", i)
		tokens += len(e.IDs)
		if e.Kind == wire.IterationEnd {
			ended++
		}
	}
	n := task.Scenario.Warmups + task.Scenario.Iterations
	c.Equal(n, ended, "iterations")
	c.Equal(n*task.Scenario.GenerateTokens, tokens, "tokens")
}

// partial checks that a launch that was cut off at a token of the second iteration left its lines up to there.
func (c *contract) partial(r *record) {
	c.T().Helper()
	tokens, ends := 0, 0
	for _, e := range c.decoded(r) {
		tokens += len(e.IDs)
		if e.Kind == wire.End {
			ends++
		}
	}
	c.Zero(ends, "end events of a launch that was cut off")
	c.GreaterOrEqual(tokens, c.Generate, "tokens: the first iteration's and part of the second's")
	c.Less(tokens, 2*c.Generate, "tokens: the first iteration's and part of the second's")
}
