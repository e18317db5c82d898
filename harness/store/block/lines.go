package block

import (
	"encoding/json"
	"time"

	"github.com/lilims/bench/harness"
)

// Keys of time stamps, and of what an iteration's tokens are known by. They are part of the format.
const (
	keyStamp     = "at_ns"
	keyStamps    = "at"
	keyDuration  = "ns"
	keyIDs       = "ids"
	keyKind      = "kind"
	keyIteration = "iteration"
	keyText      = "text"
	kindTokens   = "tokens"
	kindEnd      = "iteration_end"
)

func isTime(key string) bool { return key == keyStamp || key == keyStamps }

// family is a shape with the columns of its values.
type family struct {
	shape   string
	marks   []value
	order   []int // in which they are coded
	columns []*column
	counts  []*column // of lists
}

// shapes codes texts of a kind that resemble each other.
type shapes struct {
	*flow
	known   []*family
	indexOf map[string]int
	follows map[int]int // which shape came after this one, the last time
	order   *number
	before  int
	ticks   bool
	clock   int64 // the time stamp before, as it is coded
}

func newShapes(f *flow) *shapes {
	return &shapes{flow: f, indexOf: map[string]int{}, follows: map[int]int{}, order: newNumber()}
}

// learn decides, before anything is written, by which rules the columns of each shape are expected.
func (s *shapes) learn(lines []line) map[string][]rule {
	tried := map[string][]*costs{}
	for _, l := range lines {
		if tried[l.shape] == nil {
			for range l.values {
				tried[l.shape] = append(tried[l.shape], newCosts())
			}
		}
		place := int64(0)
		for _, i := range inOrder(l.values) {
			if v := l.values[i]; v.mark != markText && v.mark != markLine {
				s.each(v, &place, func(n, place int64, at int) int64 {
					tried[l.shape][i].add(n, s.clock, place, at)
					return n
				})
			}
		}
	}
	s.clock = 0
	out := map[string][]rule{}
	for shape, columns := range tried {
		for _, c := range columns {
			out[shape] = append(out[shape], c.best())
		}
	}
	return out
}

// inOrder is the order in which a line's values are coded: its own time stamp last, because a line is written after what
// it tells of has happened.
func inOrder(values []value) []int {
	var first, last []int
	for i, v := range values {
		if v.mark == markNumber && isTime(v.key) {
			last = append(last, i)
		} else {
			first = append(first, i)
		}
	}
	return append(first, last...)
}

// each visits the numbers of a value as they are coded, and moves clock and place on. place is the whole number before
// in the line, and how far into a list it is. The visitor returns the number: what it was given, or what it read.
func (s *shapes) each(v value, place *int64, visit func(coded, place int64, i int) int64) {
	stamp := isTime(v.key)
	one := func(n, at int64, i int) int64 {
		if stamp && s.ticks && !s.reading {
			n, _ = ticksOf(n)
		}
		n = visit(n, at, i)
		if stamp {
			s.clock = n
		}
		return n
	}
	if v.mark == markList {
		for i, n := range v.list {
			one(n, *place+int64(i), i)
		}
		return
	}
	if n := one(v.number, *place, 0); !stamp {
		*place = n
	}
}

// tellTicks reports whether all time stamps of the lines are ticks, and there are any.
func tellTicks(lines []line) bool {
	told := false
	for _, l := range lines {
		for _, v := range l.values {
			if !isTime(v.key) || v.mark != markNumber && v.mark != markList {
				continue
			}
			all := v.list
			if v.mark == markNumber {
				all = []int64{v.number}
			}
			for _, ns := range all {
				if _, ok := ticksOf(ns); !ok {
					return false
				}
				told = true
			}
		}
	}
	return told
}

// line codes one text. Reading, nothing is chosen.
func (s *shapes) line(l line, chosen map[string][]rule) line {
	fam := s.family(l.shape, chosen)
	if fam == nil {
		return line{shape: string(markLine), values: []value{{mark: markLine}}}
	}
	out := line{shape: fam.shape, values: make([]value, len(fam.marks))}
	place := int64(0)
	for _, i := range fam.order {
		v := fam.marks[i]
		if !s.reading {
			v = l.values[i]
		}
		s.value(fam, i, &v, &place)
		out.values[i] = v
	}
	s.note(out)
	return out
}

// family codes which shape a text has; one that was not met before is written with the rules of its columns.
func (s *shapes) family(shape string, chosen map[string][]rule) *family {
	index, known := s.indexOf[shape]
	if !known {
		index = len(s.known)
	}
	expected := s.follows[s.before]
	index = expected + int(s.signed(s.order, int64(index-expected)))
	if index < 0 || index > len(s.known) {
		s.fail()
		return nil
	}
	s.follows[s.before], s.before = index, index
	if index < len(s.known) {
		return s.known[index]
	}
	shape = s.text(shape)
	fam := &family{shape: shape, marks: marks(shape)}
	fam.order = inOrder(fam.marks)
	for i := range fam.marks {
		by := byNothing
		if !s.reading {
			by = chosen[shape][i]
		}
		if by = rule(s.raw(uint64(by), 3)); by >= rules {
			s.fail()
			by = byNothing
		}
		fam.columns = append(fam.columns, newColumn(by))
		fam.counts = append(fam.counts, newColumn(byLast))
	}
	s.indexOf[shape] = index
	s.known = append(s.known, fam)
	return fam
}

// value codes one value of a line.
func (s *shapes) value(fam *family, i int, v *value, place *int64) {
	column := fam.columns[i]
	switch v.mark {
	case markText, markLine:
		was, known := column.texts[*place]
		if known && s.flag(&column.same, v.text == was) {
			v.text = was
			return
		}
		v.text = s.text(v.text)
		column.texts[*place] = v.text
	case markNumber, markDecimal:
		s.numbers(column, v, place)
	case markList:
		n := int(s.plain(fam.counts[i], int64(len(v.list))))
		if s.reading {
			if n < 0 || n > s.left {
				s.fail()
				n = 0
			}
			v.list = make([]int64, n)
		}
		s.numbers(column, v, place)
	}
}

func (s *shapes) numbers(column *column, v *value, place *int64) {
	s.each(*v, place, func(n, place int64, i int) int64 {
		n = s.signedBy(column, n, s.clock, place, i)
		if v.mark == markList {
			v.list[i] = s.told(v.key, n)
		} else {
			v.number = s.told(v.key, n)
		}
		return n
	})
}

// told is a coded number as the line says it.
func (s *shapes) told(key string, coded int64) int64 {
	if s.ticks && isTime(key) {
		return nsOf(coded)
	}
	return coded
}

// note keeps what the iterations behind the lines are expected from: every time stamp, and the tokens.
func (s *shapes) note(l line) {
	var kind string
	iteration := -1
	var ids, at []int64
	for _, v := range l.values {
		switch {
		case v.mark == markText && v.key == keyKind:
			kind = v.text
		case v.mark == markNumber && v.key == keyIteration:
			iteration = int(v.number)
		case v.mark == markNumber && v.key == keyStamp:
			s.times.add(v.number)
		case v.mark == markNumber && v.key == keyDuration:
			s.durations.add(v.number)
		case v.mark == markList && v.key == keyStamps:
			at = v.list
			for _, ns := range at {
				s.times.add(ns)
			}
		case v.mark == markList && v.key == keyIDs:
			ids = v.list
		case v.mark == markText && v.key == keyText && kind == kindEnd:
			var text string
			if json.Unmarshal([]byte(`"`+v.text+`"`), &text) == nil {
				s.endText[iteration] = text
			}
		}
	}
	if kind != kindTokens {
		return
	}
	t := s.tokens[iteration]
	if t == nil {
		t = &stamps{}
		s.tokens[iteration] = t
	}
	t.ids, t.at = append(t.ids, ids...), append(t.at, at...)
}

// eventLines codes the app's lines.
func (f *flow) eventLines(session string, in []harness.EventLine) []harness.EventLine {
	n := f.count(newNumber(), len(in))
	s := newShapes(f)
	apart := make([]line, len(in))
	for i, l := range in {
		apart[i] = takeApart(l.Text)
	}
	s.ticks = f.raw(truth(tellTicks(apart)), 1) == 1
	chosen := s.learn(apart)
	numbers, received := newColumn(byLastStep), newColumn(byLast)
	var out []harness.EventLine
	for i := 0; i < n && f.err == nil; i++ {
		var l harness.EventLine
		var parts line
		if !f.reading {
			l, parts = in[i], apart[i]
		}
		number := f.plain(numbers, int64(l.Number))
		at := f.plain(received, stampOf(l.At))
		parts = s.line(parts, chosen)
		if f.reading {
			out = append(out, harness.EventLine{Session: session, Number: int(number), Text: parts.together(), At: timeOf(at)})
		}
	}
	return out
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// Times of the host's clock are unix nanoseconds in UTC.
func stampOf(t time.Time) int64 { return t.UnixNano() }
func timeOf(ns int64) time.Time { return time.Unix(0, ns).UTC() }
