package instruments

import (
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	outputChunk = 32 << 10 // longest text of one event
	outputHeld  = 1 << 20  // most that is held back while the launch has not been answered
)

// output turns what a process writes into events of the channel that launched it. Text that comes before the process
// id is known waits for it, and a character cut in two waits for its second half. Once the client has gone it takes
// everything and drops it: an app does not die of a pulled cable.
type output struct {
	control *processControl

	mu      sync.Mutex
	started sync.Cond // on mu
	pid     int       // 0 until the launch has returned
	held    []byte
}

// start releases what has been written so far under the process id.
func (o *output) start(pid int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pid = pid
	if o.started.L != nil {
		o.started.Broadcast()
	}
	o.send()
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.pid == 0 && len(o.held)+len(p) > outputHeld {
		if o.started.L == nil {
			o.started.L = &o.mu
		}
		o.started.Wait()
	}
	o.held = append(o.held, p...)
	if o.pid != 0 {
		o.send()
	}
	return len(p), nil
}

// send hands on what is held, whole characters only; the caller holds mu.
func (o *output) send() {
	at := 0
	for {
		n := wholeText(o.held[at:], outputChunk)
		if n == 0 {
			break
		}
		o.event(strings.ToValidUTF8(string(o.held[at:at+n]), "\uFFFD"))
		at += n
	}
	o.held = append(o.held[:0], o.held[at:]...)
}

// wholeText returns how many of the bytes, up to most, end with a whole character. Bytes that no continuation can
// make valid count as whole.
func wholeText(b []byte, most int) int {
	n := min(len(b), most)
	for back := 1; back < utf8.UTFMax && back <= n; back++ {
		if at := n - back; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:n]) {
				return at
			}
			break
		}
	}
	return n
}

func (o *output) event(text string) {
	const selector = "outputReceived:fromProcess:atTime:"
	p := o.control
	if p.server.faults.EmptyOutput {
		_ = p.channel.Call(selector)
	}
	// The only failure is a client that has gone; there is nobody to tell.
	_ = p.channel.Call(selector, text, o.pid, p.server.mach(p.server.clock.Now()))
}
