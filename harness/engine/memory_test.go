package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

// memory is a recorder that keeps entries in memory, and can fail after so many calls as a store on a full disk does.
type memory struct {
	mu      sync.Mutex
	run     harness.Run
	end     *time.Time
	entries []harness.Entry
	calls   int
	failAt  int // call at which Record fails from then on; 0: never
}

var _ engine.Recorder = (*memory)(nil)

var errFull = errors.New("no space left on device")

func (m *memory) Begin(_ context.Context, run harness.Run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run.ID != "" {
		return fmt.Errorf("run %s exists", run.ID)
	}
	m.run = run
	return nil
}

func (m *memory) Record(ctx context.Context, run string, entries ...harness.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if m.failAt > 0 && m.calls >= m.failAt {
		return errFull
	}
	if run != m.run.ID || ctx.Err() != nil {
		return fmt.Errorf("record for run %q, context %w", run, ctx.Err())
	}
	m.entries = append(m.entries, entries...)
	return nil
}

func (m *memory) Finish(_ context.Context, run string, end time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end = &end
	return nil
}

func (m *memory) Load(_ context.Context, run string) (harness.RunState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if run != m.run.ID {
		return harness.RunState{}, &harness.Error{Kind: harness.KindUsage, Op: "load run", Err: fmt.Errorf("no run %q", run)}
	}
	state := harness.RunState{Run: m.run}
	place := map[string]int{}
	for _, e := range m.entries {
		switch {
		case e.SessionBegin != nil:
			place[e.Session] = len(state.Sessions)
			state.Sessions = append(state.Sessions, harness.SessionState{Begin: *e.SessionBegin})
		case e.SessionEnd != nil:
			state.Sessions[place[e.Session]].End = e.SessionEnd
		case e.Line != nil:
			state.Sessions[place[e.Session]].Lines = e.Line.Number
		case e.Battery != nil:
			s := &state.Sessions[place[e.Session]]
			s.Battery = append(s.Battery, *e.Battery)
		}
	}
	return state, nil
}

// cut forgets everything after the n-th entry and the run's end, as a killed process does.
func (m *memory) cut(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries, m.end, m.failAt = m.entries[:n], nil, 0
}

// of returns the entries of one launch.
func (m *memory) of(session string) []harness.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []harness.Entry
	for _, e := range m.entries {
		if e.Session == session {
			out = append(out, e)
		}
	}
	return out
}

func (m *memory) samples(session, metric string) []harness.Sample {
	var out []harness.Sample
	for _, e := range m.of(session) {
		if e.Sample != nil && e.Sample.Metric == metric {
			out = append(out, *e.Sample)
		}
	}
	return out
}

func (m *memory) iterations(session string) []harness.Iteration {
	var out []harness.Iteration
	for _, e := range m.of(session) {
		if e.Iteration != nil {
			out = append(out, *e.Iteration)
		}
	}
	return out
}

func (m *memory) absence(session, metric string) string {
	for _, e := range m.of(session) {
		if e.Absence != nil && e.Absence.Metric == metric {
			return e.Absence.Reason
		}
	}
	return ""
}

func (m *memory) notices(what string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, e := range m.entries {
		if e.Notice != nil && e.Notice.What == what {
			out = append(out, e.Notice.Text)
		}
	}
	return out
}
