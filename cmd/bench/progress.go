package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

// Pace of progress: a terminal's line is rewritten often; a log gets a line when something changes, and while a step
// lasts now and then.
const (
	terminalPace = 100 * time.Millisecond
	logPace      = 5 * time.Second
	// fewIterations get a line each in a log.
	fewIterations = 50
)

// progress prints where the devices stand.
type progress struct {
	out      io.Writer
	terminal bool
	clock    harness.Clock

	mu    sync.Mutex
	width int // of the line that stands on the terminal
	where map[string]standing
}

// standing is what was last said of a device.
type standing struct {
	step      string // session and step
	iteration int
	text      string
	at        time.Time // of the last line
	due       bool      // text is newer than that line
	few       bool      // iterations: each gets a line in a log
}

func newProgress(env Env) *progress {
	return &progress{out: env.Stderr, terminal: env.Terminal, clock: env.Clock, where: map[string]standing{}}
}

// show takes one piece of news from the engine.
func (p *progress) show(news engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was, now := p.where[news.Device.UDID], p.clock.Now()
	is := standing{step: fmt.Sprint(news.Place, news.Step), iteration: news.Iteration, text: describe(news), at: was.at, due: true,
		few: news.Iterations > 0 && news.Iterations <= fewIterations}
	rested := now.Sub(was.at)
	switch {
	case p.terminal:
		if is.step != was.step || rested >= terminalPace {
			p.say(&is, now)
		}
	case is.step != was.step:
		if was.due {
			p.print(was.text) // how far the step before had come
		}
		p.say(&is, now)
	case is.iteration != was.iteration && was.due && (was.few || rested >= logPace):
		p.print(was.text) // an iteration has ended
		is.at = now
	case rested >= logPace:
		p.say(&is, now)
	}
	if news.Tokens == 0 && !p.terminal && is.step == was.step {
		is.due = false // nothing that the next line would not say better
	}
	p.where[news.Device.UDID] = is
}

func (p *progress) say(is *standing, now time.Time) {
	p.print(is.text)
	is.at, is.due = now, false
}

// end leaves the terminal's line clean.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.erase()
		return
	}
	for _, s := range p.where {
		if s.due {
			p.print(s.text)
		}
	}
	clear(p.where)
}

func (p *progress) print(text string) {
	if !p.terminal {
		fmt.Fprintln(p.out, text)
		return
	}
	p.erase()
	fmt.Fprint(p.out, text)
	p.width = len([]rune(text))
}

func (p *progress) erase() {
	if p.width > 0 {
		fmt.Fprint(p.out, "\r"+strings.Repeat(" ", p.width)+"\r")
		p.width = 0
	}
}

// describe puts a piece of news in one line.
func describe(p engine.Progress) string {
	parts := []string{harness.PrintableLine(p.Device.Name)}
	if p.Place > 0 {
		parts = append(parts, fmt.Sprintf("session %d of %d", p.Place, p.Sessions))
	}
	step := harness.PrintableLine(p.Step)
	if p.Total > 0 {
		step += fmt.Sprintf(" %d %%", p.Done*100/p.Total)
	}
	if step != "" {
		parts = append(parts, step)
	}
	if p.Tokens > 0 || p.Iterations > 0 {
		text := fmt.Sprintf("iteration %d", p.Iteration+1)
		if p.Iterations > 0 {
			text += fmt.Sprintf(" of %d", p.Iterations)
		}
		if p.Warmup {
			text += " (warm-up)"
		}
		text += fmt.Sprintf(", %d tokens", p.Tokens)
		if p.TokS != nil {
			text += fmt.Sprintf(", %.1f tok/s", *p.TokS)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ": ")
}
