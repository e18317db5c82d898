package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Line is one line of events.jsonl after reading: an event, or garbled. The raw text is always there.
type Line struct {
	Number  int
	Text    []byte
	Event   *Event   // nil when the line is garbled
	Garbled *Garbled // nil when the line is an event
}

// Garbled is a line that could not be read. It is a record in the stream, not the end of it.
type Garbled struct {
	Line int
	Text string
	Err  error
}

func (g *Garbled) Error() string { return fmt.Sprintf("event line %d: %v", g.Line, g.Err) }

func (g *Garbled) Unwrap() error { return g.Err }

// Newer reports whether the event was written to a later schema than this package knows. Its known fields are read,
// but figures are not computed from it.
func (e Event) Newer() bool { return e.V > Version }

// Known reports whether this package knows the event's kind. Others are kept and passed over.
func (e Event) Known() bool {
	switch e.Kind {
	case Hello, Load, Placement, IterationBegin, Prefill, Tokens, Sample, Thermal, MemoryWarning, Payload, IterationEnd, Error, End:
		return true
	}
	return false
}

// DecodeLine reads one line. It never fails: what cannot be read is garbled.
func DecodeLine(number int, text []byte) Line {
	event, err := decodeEvent(text)
	if err != nil {
		return Line{Number: number, Text: text, Garbled: &Garbled{Line: number, Text: string(text), Err: err}}
	}
	return Line{Number: number, Text: text, Event: event}
}

// frame is what every line must have; the event itself cannot tell an absent number from 0.
type frame struct {
	V    *int   `json:"v"`
	Seq  *int64 `json:"seq"`
	AtNs *int64 `json:"at_ns"`
	Kind *Kind  `json:"kind"`
}

// maxSeq is the largest sequence number that JSON readers of every language hold exactly.
const maxSeq = 1 << 53

func decodeEvent(text []byte) (*Event, error) {
	if len(text) >= MaxLine {
		return nil, fmt.Errorf("longer than %d bytes", MaxLine)
	}
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	var f frame
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	var e Event
	if err := json.Unmarshal(text, &e); err != nil {
		// A later schema may have changed the type of a field: keep what every version has.
		if *f.V > Version {
			return &Event{V: *f.V, Seq: *f.Seq, AtNs: *f.AtNs, Kind: *f.Kind}, nil
		}
		return nil, err
	}
	if e.V <= Version {
		if err := e.check(); err != nil {
			return nil, err
		}
	}
	return &e, nil
}

func (f frame) check() error {
	switch {
	case f.V == nil:
		return errors.New("no field v")
	case *f.V < 1:
		return fmt.Errorf("v is %d", *f.V)
	case f.Seq == nil:
		return errors.New("no field seq")
	case *f.Seq < 0 || *f.Seq > maxSeq:
		return fmt.Errorf("seq is %d", *f.Seq)
	case f.AtNs == nil:
		return errors.New("no field at_ns")
	case *f.AtNs < 0:
		return fmt.Errorf("at_ns is %d", *f.AtNs)
	case f.Kind == nil || *f.Kind == "":
		return errors.New("no field kind")
	}
	return nil
}

// check refuses an event that lacks what its kind cannot do without.
func (e *Event) check() error {
	need := func(ok bool, field string) error {
		if ok {
			return nil
		}
		return fmt.Errorf("%s without %s", e.Kind, field)
	}
	if e.Iteration != nil && *e.Iteration < 0 {
		return fmt.Errorf("iteration is %d", *e.Iteration)
	}
	switch e.Kind {
	case Load:
		return errors.Join(need(e.Regime != "", "regime"), need(e.Ns != nil, "ns"))
	case IterationBegin:
		return need(e.Iteration != nil, "iteration")
	case IterationEnd:
		return errors.Join(need(e.Iteration != nil, "iteration"), need(e.Outcome != "", "outcome"))
	case Prefill:
		return errors.Join(need(e.Iteration != nil, "iteration"), need(e.Ns != nil, "ns"))
	case Tokens:
		return e.checkTokens(need)
	case Sample:
		// A value that is not a number has no JSON, and an app leaves it out: the reading is lost, not the line.
		return errors.Join(need(e.Metric != "", "metric"), need(e.Unit != "", "unit"))
	case Thermal:
		return need(e.State != "", "state")
	case Payload:
		return need(e.File != "", "file")
	}
	return nil
}

func (e *Event) checkTokens(need func(bool, string) error) error {
	if err := errors.Join(need(e.Iteration != nil, "iteration"), need(e.First != nil, "first")); err != nil {
		return err
	}
	if *e.First < 0 {
		return fmt.Errorf("first is %d", *e.First)
	}
	if len(e.IDs) != len(e.At) {
		return fmt.Errorf("tokens with %d ids and %d time stamps", len(e.IDs), len(e.At))
	}
	return nil
}

// Decoder reads event lines from a stream.
type Decoder struct {
	source io.Reader
	lines  Lines
	queue  []Line
	buffer []byte
	err    error
}

// NewDecoder reads from r, which need not be buffered.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{source: r, buffer: make([]byte, 64<<10)} }

// Next returns the next line, or io.EOF at the end, or the error of the reader. A garbled line is not an error.
func (d *Decoder) Next() (Line, error) {
	emit := func(number int, text []byte) { d.queue = append(d.queue, DecodeLine(number, text)) }
	for len(d.queue) == 0 {
		if d.err != nil {
			return Line{}, d.err
		}
		n, err := d.source.Read(d.buffer)
		d.lines.Feed(d.buffer[:n], emit)
		if err != nil {
			d.err = err
			d.lines.Close(emit)
		}
	}
	line := d.queue[0]
	d.queue = d.queue[1:]
	return line, nil
}
