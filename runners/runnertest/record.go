package runnertest

import (
	"fmt"
	"sync"

	"github.com/lilims/bench/harness"
)

// record is a sink that keeps everything.
type record struct {
	mu       sync.Mutex
	lines    []string
	problems []string
	battery  []harness.BatteryReading
	samples  []harness.Sample
	payloads map[string]string
	notes    []string
	line     func(n int) // told after every line; may be nil
}

func (r *record) Line(number int, text []byte) {
	r.mu.Lock()
	if number != len(r.lines)+1 {
		r.problems = append(r.problems, fmt.Sprintf("line %d came after %d lines", number, len(r.lines)))
	}
	r.lines = append(r.lines, string(text))
	told, n := r.line, len(r.lines)
	r.mu.Unlock()
	if told != nil {
		told(n)
	}
}

func (r *record) Battery(reading harness.BatteryReading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.battery = append(r.battery, reading)
}

func (r *record) Sample(s harness.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.samples = append(r.samples, s)
}

func (r *record) Notice(harness.Progress) {}

func (r *record) Note(what, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, what+": "+text)
}

func (r *record) Payload(name string, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.payloads == nil {
		r.payloads = map[string]string{}
	}
	r.payloads[name] = string(raw)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}
