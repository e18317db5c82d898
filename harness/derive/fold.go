package derive

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// reorder is how far the time stamp of a line may lie before that of the line above it. Less is two threads of the app
// whose lines crossed on the way to the file; more is a clock that went back.
const reorder = 100 * time.Millisecond

// ahead is how much sooner than any line before it a line may seem to have been received after it was written. More is
// impossible: the device's clock has been put forward.
const ahead = 10 * time.Second

// Expect is what the launch was asked for, so that a fold can say what is missing.
type Expect struct {
	Session    string
	Iterations int
	Duration   time.Duration
}

// Yield is what follows from one line, in order.
type Yield struct {
	Iterations []harness.Iteration
	Samples    []harness.Sample
	Problems   []Problem
}

// Problem is something in the lines that people should hear of.
type Problem struct {
	Line int
	Text string
}

// Summary is what a fold knows of the launch as a whole.
type Summary struct {
	Hello        *wire.Event // of the latest process; nil: the app never said a word
	Processes    int
	Ended        bool // the app wrote its end event
	EndReason    string
	ErrorCode    string // of the first error of the session as a whole
	ErrorMessage string
	ClockFault   string // how the device's clock jumped in its latest process; what is placed in time by it cannot be trusted
	Garbled      int
	Measured     int // iterations that ended ok, warm-ups not counted
	Tokens       int // of all iterations
	ThermalStart *harness.ThermalState
	ThermalWorst *harness.ThermalState

	// From the beginning of the first measured iteration to the end of the last, on the device's wall clock, and the
	// tokens generated between the two. Nil without a clock pair in the hello line.
	WindowBegin, WindowEnd *time.Time
	WindowTokens           int
}

// newness says of which version a newer event is.
func newness(e wire.Event) string {
	return fmt.Sprintf("written by a newer app (schema %d, this harness knows %d)", e.V, wire.Version)
}

// Fold turns the lines of one launch into iterations and samples. It is a state machine without clock, goroutine or
// file: the same lines give the same yield. A line that it has seen (same sequence number) yields nothing again.
type Fold struct {
	expect  Expect
	next    int64            // sequence number wanted
	seen    map[int64]uint64 // sequence number -> hash of the line
	garbled int              // garbled lines since the last event: they explain a gap of as many
	process process
	current *open
	broken  *open // interrupted by a relaunch; stands unless the new process begins it again
	done    map[int]bool
	again   *int // index of an ended iteration that the app has begun again, whose lines are passed over
	summary Summary
	figures figures
	pace    []int64 // time stamps of the tokens of measured iterations, for retention
	window  window
	memory  memory
}

// process is one life of the app. A relaunch begins another; nothing that depends on the clock crosses over.
type process struct {
	scored               bool  // a text: what the process takes from there on is not generation's
	anchorNs, anchorUnix int64 // the hello line's clock pair
	anchored             bool
	offset               *time.Duration // host clock minus device clock, the smallest seen
	lastNs               int64
	lines                int
	jumped               string // how the clock did; empty: it did not
	newer                bool   // it has been told that events are of a later version
	regime               string // of its first model load
	iterations           int    // begun
	thermal              *harness.ThermalState
}

type window struct {
	begin, end int64
	process    int
	set        bool
	tokens     int
}

// NewFold starts a fold of one launch's lines.
func NewFold(expect Expect) *Fold {
	return &Fold{expect: expect, seen: map[int64]uint64{}, done: map[int]bool{}, figures: newFigures()}
}

// Add folds one line. received is the host's time at receipt; zero for a line read long after it was written.
func (f *Fold) Add(line wire.Line, received time.Time) Yield {
	var y Yield
	if line.Garbled != nil {
		f.addGarbled(line, &y)
		return y
	}
	e := *line.Event
	if f.repeated(line, &y) {
		return y
	}
	f.checkGap(line, &y)
	if e.Kind == wire.Hello {
		f.beginProcess(e, line.Number, &y)
	}
	f.checkClock(line, received, &y)
	f.follow(e, received)
	if e.Newer() {
		f.spoil(newness(e))
		if !f.process.newer {
			f.process.newer = true
			f.problem(&y, line.Number, "an event was "+newness(e)+": kept, and left out of the figures, as are all like it")
		}
	}
	f.apply(line, &y)
	return y
}

func (f *Fold) addGarbled(line wire.Line, y *Yield) {
	f.garbled++
	f.summary.Garbled++
	f.problem(y, line.Number, fmt.Sprintf("line %d cannot be read: %v", line.Number, line.Garbled.Err))
	f.spoil(fmt.Sprintf("event line %d cannot be read", line.Number))
}

// repeated reports whether the line was folded before. Other text under a number that was seen is a problem.
func (f *Fold) repeated(line wire.Line, y *Yield) bool {
	h := fnv.New64a()
	h.Write(line.Text)
	sum, seq := h.Sum64(), line.Event.Seq
	was, ok := f.seen[seq]
	if !ok {
		f.seen[seq] = sum
		return false
	}
	if was != sum {
		f.problem(y, line.Number, fmt.Sprintf("event %d came twice with different text", seq))
		f.spoil(fmt.Sprintf("event %d came twice with different text", seq))
	}
	return true
}

func (f *Fold) checkGap(line wire.Line, y *Yield) {
	seq, missing := line.Event.Seq, line.Event.Seq-f.next
	switch {
	case missing < 0:
		f.problem(y, line.Number, fmt.Sprintf("event %d came after event %d", seq, f.next-1))
		f.spoil(fmt.Sprintf("event %d is out of order", seq))
	case missing > int64(f.garbled):
		f.problem(y, line.Number, fmt.Sprintf("events %d to %d are missing", f.next, seq-1))
		f.spoil(fmt.Sprintf("events %d to %d are missing", f.next, seq-1))
	}
	if seq >= f.next {
		f.next = seq + 1
	}
	f.garbled = 0
}

// beginProcess starts over for a new process. What the old one left open is set aside: the new one may take it up.
func (f *Fold) beginProcess(e wire.Event, line int, y *Yield) {
	f.summary.Processes++
	f.summary.Hello, f.summary.Ended, f.summary.EndReason = &e, false, ""
	if f.summary.Processes > 1 {
		f.problem(y, line, fmt.Sprintf("the app was launched again (process %d of this session)", f.summary.Processes))
	}
	f.settleBroken(y)
	f.broken, f.current = f.current, nil
	f.process = process{}
	if e.UnixNs != nil {
		f.process.anchorNs, f.process.anchorUnix, f.process.anchored = e.AtNs, *e.UnixNs, true
	}
}

// checkClock looks for a clock that was set while the app ran. received is zero for a line that was read later.
func (f *Fold) checkClock(line wire.Line, received time.Time, y *Yield) {
	at := line.Event.AtNs
	text := ""
	if back := f.process.lastNs - at; f.process.lines > 0 && back > reorder.Nanoseconds() {
		text = fmt.Sprintf("the device's clock went back by %v at event %d", time.Duration(back), line.Event.Seq)
	} else if o := f.process.offset; o != nil && !received.IsZero() {
		if early := *o - received.Sub(f.deviceWall(at)); early > ahead {
			text = fmt.Sprintf("the device's clock went ahead by %v at event %d", early.Round(time.Second), line.Event.Seq)
		}
	}
	if text != "" {
		f.problem(y, line.Number, text)
		f.spoil(text)
		f.process.offset = nil // what was learnt of the clocks holds no longer
		if f.process.jumped == "" {
			f.process.jumped = text
		}
	}
	f.process.lastNs = at
	f.process.lines++
}

// follow learns how far the host's clock is from the device's. The smallest difference has the least delay in it.
func (f *Fold) follow(e wire.Event, received time.Time) {
	if received.IsZero() || !f.process.anchored {
		return
	}
	difference := received.Sub(f.deviceWall(e.AtNs))
	if f.process.offset == nil || difference < *f.process.offset {
		f.process.offset = &difference
	}
}

// ClockOffset is the host's clock minus the device's, as far as lines that were read as they came can tell. A
// difference of up to five seconds is the delay of reading the file, and counts as none.
func (f *Fold) ClockOffset() time.Duration {
	const delay = 5 * time.Second
	if o := f.process.offset; o != nil && (*o > delay || *o < -time.Second) {
		return *o
	}
	return 0
}

func (f *Fold) deviceWall(ns int64) time.Time {
	return time.Unix(0, f.process.anchorUnix+ns-f.process.anchorNs).UTC()
}

// hostWall is the host's time at a moment of the device's monotonic clock; zero without a clock pair.
func (f *Fold) hostWall(ns int64) time.Time {
	if !f.process.anchored {
		return time.Time{}
	}
	return f.deviceWall(ns).Add(f.ClockOffset())
}

func (f *Fold) problem(y *Yield, line int, text string) {
	y.Problems = append(y.Problems, Problem{Line: line, Text: text})
}

// spoil marks the iteration in progress invalid. The first reason stands.
func (f *Fold) spoil(reason string) {
	if f.current != nil && f.current.spoilt == "" {
		f.current.spoilt = reason
	}
}

// Finish closes the launch: what is open ends as the launch ended, and every figure that is missing gets its reason.
func (f *Fold) Finish(exit harness.Exit) (Yield, []harness.Absence) {
	var y Yield
	f.settleBroken(&y)
	if f.current != nil {
		outcome, reason := exit.Outcome, exit.Reason
		if outcome == harness.OutcomeOK || outcome == "" {
			outcome, reason = harness.OutcomeInvalid, "its end is missing"
		}
		f.close(&y, outcome, reason, f.process.lastNs, false)
	}
	f.sustained(&y)
	f.remember(&y)
	return y, f.absences()
}

// Summary is the state of the launch so far.
func (f *Fold) Summary() Summary {
	s := f.summary
	s.ClockFault = f.process.jumped
	if w := f.window; w.set && w.process == f.summary.Processes && f.process.anchored {
		begin, end := f.deviceWall(w.begin), f.deviceWall(w.end)
		s.WindowBegin, s.WindowEnd, s.WindowTokens = &begin, &end, w.tokens
	}
	return s
}
