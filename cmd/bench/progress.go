package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

// logPace is how often a step that lasts is mentioned again in a log, so that a watcher sees the program alive.
const logPace = time.Minute

// progress shows where the devices stand: one line a device on a terminal, one line a step in a log.
type progress struct {
	out   io.Writer
	clock harness.Clock
	begun time.Time

	mu    sync.Mutex
	bars  *mpb.Progress // nil: a log
	where map[string]*standing
}

// standing is one device's line.
type standing struct {
	news engine.Progress
	bar  *mpb.Bar
	step string    // session and step that were last printed to a log
	at   time.Time // when
}

func newProgress(env Env) *progress {
	p := &progress{out: env.Notices, clock: env.Clock, begun: env.Clock.Now(), where: map[string]*standing{}}
	if env.Terminal {
		p.bars = mpb.New(mpb.WithOutput(env.Notices), mpb.WithAutoRefresh())
	}
	return p
}

// show takes one piece of news from the engine.
func (p *progress) show(news engine.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.where[news.Device.UDID]
	if s == nil {
		s = &standing{}
		p.where[news.Device.UDID] = s
		if p.bars != nil {
			s.bar = p.bars.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.line(s) })))
		}
	}
	s.news = news
	if p.bars == nil {
		p.log(s)
	}
}

// line is a device's line on a terminal. The library cuts it to the terminal's width.
func (p *progress) line(s *standing) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	elapsed := p.clock.Now().Sub(p.begun)
	text := describe(s.news) + ", " + elapsed.Round(time.Second).String() + " elapsed"
	if left, ok := timeLeft(s.news, elapsed); ok {
		text += ", about " + left.Round(time.Second).String() + " left"
	}
	return text
}

// timeLeft reckons with as much time for a session to come as those that have ended took.
func timeLeft(news engine.Progress, elapsed time.Duration) (time.Duration, bool) {
	ended := news.Place - 1
	if ended < 1 || news.Sessions == 0 {
		return 0, false
	}
	each := elapsed / time.Duration(ended)
	return max(0, each*time.Duration(news.Sessions)-elapsed), true
}

// log prints a line when a step begins, and now and then while it lasts.
func (p *progress) log(s *standing) {
	step, now := fmt.Sprint(s.news.Place, s.news.Step), p.clock.Now()
	if step == s.step && now.Sub(s.at) < logPace {
		return
	}
	s.step, s.at = step, now
	fmt.Fprintln(p.out, describe(s.news))
}

// end leaves the terminal clean.
func (p *progress) end() {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	for _, s := range p.where {
		s.bar.Abort(true)
	}
	p.mu.Unlock()
	p.bars.Shutdown()
}

// describe puts a piece of news in one line.
func describe(p engine.Progress) string {
	text := harness.PrintableLine(p.Device.Name)
	if p.Place > 0 {
		text += fmt.Sprintf(": session %d of %d", p.Place, p.Sessions)
	}
	if p.Step != "" {
		text += ": " + harness.PrintableLine(p.Step)
	}
	if p.Total > 0 {
		text += fmt.Sprintf(" %d %%", p.Done*100/p.Total)
	}
	if p.Tokens == 0 && p.Iterations == 0 {
		return text
	}
	text += fmt.Sprintf(": iteration %d", p.Iteration+1)
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
	return text
}
