package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

// setClock stands where it is put.
type setClock struct {
	stillClock
	now time.Time
}

func (c *setClock) Now() time.Time { return c.now }

func news(place int, step string, tokens int) engine.Progress {
	return engine.Progress{Device: harness.Device{UDID: "U-1", Name: "lab\tphone"}, Place: place, Sessions: 4, Step: step, Tokens: tokens}
}

// TestProgressInALog: a line when a step begins, and one a minute while it lasts.
func TestProgressInALog(t *testing.T) {
	var out bytes.Buffer
	clock := &setClock{now: stillClock{}.Now()}
	env := stillEnv(io.Discard, &out)
	env.Clock = clock
	p := newProgress(env)
	p.show(news(1, "installing app", 0))
	p.show(news(1, "generating", 1))
	p.show(news(1, "generating", 2))
	clock.now = clock.now.Add(logPace)
	p.show(news(1, "generating", 3))
	p.show(news(2, "generating", 1))
	p.end()
	assert.Equal(t, `labphone: session 1 of 4: installing app
labphone: session 1 of 4: generating: iteration 1, 1 tokens
labphone: session 1 of 4: generating: iteration 1, 3 tokens
labphone: session 2 of 4: generating: iteration 1, 1 tokens
`, out.String())
}

func TestProgressOnATerminal(t *testing.T) {
	clock := &setClock{now: stillClock{}.Now()}
	env := stillEnv(io.Discard, io.Discard)
	env.Clock, env.Terminal = clock, true
	p := newProgress(env)
	p.show(news(3, "generating", 7))
	clock.now = clock.now.Add(10 * time.Minute)
	assert.Equal(t, "labphone: session 3 of 4: generating: iteration 1, 7 tokens, 10m0s elapsed, about 10m0s left", p.line(p.where["U-1"]))
	p.end()
}

// TestQuiet: no progress and no notices, but errors.
func TestQuiet(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	code := run(context.Background(), stillEnv(&out, &errs), []string{
		"run", "-q", "--device", "simulated-iphone15", "--sessions", "1", "--html=false",
	})
	assert.Equal(t, exitOK, code)
	assert.NotContains(t, errs.String(), "session 1 of 1")
	assert.Contains(t, out.String(), "decode")

	errs.Reset()
	assert.Equal(t, exitUsage, run(context.Background(), stillEnv(io.Discard, &errs), []string{"run", "-q"}))
	assert.True(t, strings.HasPrefix(errs.String(), "bench: choose device: no --device is given"), errs.String())
}
