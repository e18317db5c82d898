package simulated

import (
	"math"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// words is what the simulated model says; a token is a word.
var words = [...]string{" Once", " there", " was", " a", " little", " phone", " that", " grew", " warm", " and", " slowed", " down", "."}

// iterate runs one prompt to its last token.
func (a *app) iterate(index int, warmup bool) error {
	s := a.task.Scenario
	prompt := s.PromptTokens
	if prompt == 0 {
		prompt = 8
	}
	if err := a.write(wire.Event{Kind: wire.IterationBegin, Iteration: &index, Warmup: &warmup, PromptTokens: &prompt}); err != nil {
		return err
	}
	a.load(leastLoad + (1-leastLoad)*min(1, float64(a.task.Model.SizeBytes)/fullLoadBytes))
	defer a.load(0.1)
	pace := a.iterationPace()
	if err := a.prefill(index, prompt, pace); err != nil {
		return err
	}
	if err := a.decode(index, prompt, pace); err != nil {
		return err
	}
	if err := a.footprint("decode", &index, prompt+s.GenerateTokens); err != nil {
		return err
	}
	a.ended++
	count := s.GenerateTokens
	return a.write(wire.Event{Kind: wire.IterationEnd, Iteration: &index, Outcome: string(harness.OutcomeOK), Reason: "length", Count: &count})
}

// iterationPace is this iteration's speed: session's speed times AR(1) noise.
func (a *app) iterationPace() float64 {
	const phi = 0.5
	noise := a.h.options.CV * 0.6
	a.h.iteration = phi*a.h.iteration + noise*math.Sqrt(1-phi*phi)*a.random.NormFloat64()
	return a.speed * math.Exp(a.h.iteration)
}

func (a *app) throttle() float64 {
	a.h.mu.Lock()
	defer a.h.mu.Unlock()
	return a.h.world.throttle()
}

func (a *app) prefill(index, prompt int, pace float64) error {
	parameters := float64(a.task.Model.SizeBytes) / bytesPerParameter(a.task.Model.Quantization)
	seconds := tokenOverhead.Seconds() + 2*parameters*float64(prompt)/(flops*pace*a.throttle())
	if index == 0 {
		seconds *= 1.5 // caches are cold
	}
	took := time.Duration(seconds * float64(time.Second))
	if err := a.pass(took); err != nil {
		return err
	}
	return a.write(wire.Event{Kind: wire.Prefill, Iteration: &index, PromptTokens: &prompt, Ns: at(took.Nanoseconds())})
}

func bytesPerParameter(quantization string) float64 {
	switch quantization {
	case "int4":
		return 0.5
	case "int8":
		return 1
	}
	return 2
}

// decode generates the tokens, one at a time, and writes them in batches.
func (a *app) decode(index, prompt int, pace float64) error {
	s := a.task.Scenario
	a.flushed = a.h.clock.Now()
	for n := range s.GenerateTokens {
		if err := a.strike(); err != nil {
			return err
		}
		depth := float64(s.KVDepth + prompt + n)
		rate := a.h.world.chip * effectiveShare * pace * a.throttle()
		seconds := tokenOverhead.Seconds()/(pace*a.throttle()) + (float64(a.task.Model.SizeBytes)+cacheBytes*depth)/rate
		seconds *= math.Exp(0.03 * a.random.NormFloat64())
		if a.random.IntN(200) == 0 {
			seconds *= 3
		}
		if a.fault.What == "slow" && a.tokens >= a.fault.N {
			seconds *= 4
		}
		if err := a.pass(time.Duration(seconds * float64(time.Second))); err != nil {
			return err
		}
		a.take(index, n)
		if a.h.clock.Now().Sub(a.flushed) >= flushEvery {
			if err := a.flush(); err != nil {
				return err
			}
		}
	}
	return a.flush()
}

// take adds a token to the batch.
func (a *app) take(index, n int) {
	if a.pending.First == nil {
		a.pending = wire.Event{Kind: wire.Tokens, Iteration: &index, First: &n}
	}
	word := n % len(words)
	if other, ok := factorIn(a.task.Build.Configuration, otherWord); ok && n+1 >= int(other) {
		word = (n + 1) % len(words)
	}
	a.pending.IDs = append(a.pending.IDs, int32(word))
	a.pending.At = append(a.pending.At, a.ns())
	a.pending.Text += words[word]
}

func (a *app) flush() error {
	a.flushed = a.h.clock.Now()
	if a.pending.First == nil {
		return nil
	}
	e := a.pending
	a.pending = wire.Event{}
	return a.write(e)
}

// strike lets the fault happen that is due at the next token.
func (a *app) strike() error {
	a.tokens++
	if a.fault.Where != "token" || a.fault.N != a.tokens {
		return nil
	}
	if err := a.flush(); err != nil {
		return err
	}
	switch a.fault.What {
	case "crash":
		a.exit = crashed()
		return errEnded
	case "jetsam":
		a.exit = harness.Exit{
			Outcome: harness.OutcomeJetsam, Signal: at(9), Reason: "killed for memory: per-process limit", Evidence: "simulated JetsamEvent",
		}
		return errEnded
	case "hang":
		return a.hang()
	case "oom":
		return a.quit()
	case "clock":
		a.back = 10 * time.Second
	case "hot":
		a.h.mu.Lock()
		a.h.world.shell = sunlit
		a.h.mu.Unlock()
	case "lost":
		a.watched = false
	}
	return nil
}

func crashed() harness.Exit {
	return harness.Exit{Outcome: harness.OutcomeAppCrash, Signal: at(6), Reason: "killed by signal 6", Evidence: "simulated crash report"}
}

// quit reports an error and ends in order.
func (a *app) quit() error {
	if err := a.write(wire.Event{Kind: wire.Error, Code: "out_of_memory", Message: "the cache could not grow"}); err != nil {
		return err
	}
	if err := a.end("error"); err != nil {
		return err
	}
	a.exit = harness.Exit{Outcome: harness.OutcomeAppCrash, Code: at(4), Reason: "exit code 4"}
	return errEnded
}
