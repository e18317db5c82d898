package block

import (
	"math/bits"
)

// flow is a block on its way, in either direction: the coder of its numbers, and its texts beside them.
type flow struct {
	*coder
	texts []byte // written so far; reading, all of them
	used  int    // reading: how much of them
	size  *number

	times     *said           // time stamps of the lines
	durations *said           // of the lines
	tokens    map[int]*stamps // of the lines, by iteration
	endText   map[int]string  // what the lines say that an iteration generated
}

func newFlow(c *coder, texts []byte) *flow {
	return &flow{
		coder: c, texts: texts, size: newNumber(), times: newSaid(), durations: newSaid(), tokens: map[int]*stamps{}, endText: map[int]string{},
	}
}

// said is a list of numbers that lines have said, to refer to.
type said struct {
	values  []int64
	placeOf map[int64]int // of the last of equals
}

func newSaid() *said { return &said{placeOf: map[int64]int{}} }

func (s *said) add(v int64) {
	s.placeOf[v] = len(s.values)
	s.values = append(s.values, v)
}

// reference is a column of numbers that the lines have mostly said before.
type reference struct {
	found probability
	place *column
	whole *column
}

func newReference() *reference {
	return &reference{found: evens, place: newColumn(byLastStep), whole: newColumn(byLast)}
}

// refer codes a number by where the lines say it.
func (f *flow) refer(r *reference, s *said, v int64) int64 {
	place, found := s.placeOf[v]
	if !f.flag(&r.found, found) {
		return f.plain(r.whole, v)
	}
	place = int(f.plain(r.place, int64(place)))
	if place < 0 || place >= len(s.values) {
		f.fail()
		return 0
	}
	return s.values[place]
}

// perhaps codes a number that may be absent.
func (f *flow) perhaps(there *probability, v *int64, code func(int64) int64) *int64 {
	if !f.flag(there, v != nil) {
		return nil
	}
	var n int64
	if v != nil {
		n = *v
	}
	n = code(n)
	return &n
}

// stamps are the tokens of one iteration as its lines tell them.
type stamps struct {
	ids []int64
	at  []int64
}

// text codes a text whole.
func (f *flow) text(value string) string {
	n := int(min(f.unsigned(f.size, uint64(len(value))), 1<<40))
	if !f.reading {
		f.texts = append(f.texts, value...)
		return value
	}
	if n > len(f.texts)-f.used {
		f.fail()
		return ""
	}
	f.used += n
	return string(f.texts[f.used-n : f.used])
}

// rule is what a column's next number is expected to be.
type rule uint8

const (
	byNothing   rule = iota // 0
	byLast                  // the number before
	byLastStep              // the number before, and the mean step
	byClock                 // the time stamp before, of any column
	byClockStep             // the time stamp before, and the mean time from there
	byPlace                 // what stood at the same place the last time round
	rules
)

// column is one value of one shape, line after line: what it was tells what to expect.
type column struct {
	rule  rule
	model [2]*number // of first numbers, and of those further into a list
	last  int64
	step  int64
	place map[int64]int64
	texts map[int64]string
	same  probability
	begun bool

	inside bool // it was inside a list
}

func newColumn(r rule) *column {
	return &column{rule: r, model: [2]*number{newNumber(), newNumber()}, place: map[int64]int64{}, texts: map[int64]string{}, same: evens}
}

// expected is what the next number should be. place says where in its line, or text, it stands.
func (c *column) expected(clock, place int64) int64 {
	switch c.rule {
	case byLast:
		return c.last
	case byLastStep:
		return c.last + c.step
	case byClock:
		return clock
	case byClockStep:
		return clock + c.step
	case byPlace:
		if was, ok := c.place[place]; ok {
			return was
		}
		return c.last
	}
	return 0
}

// inertia is how slowly a mean step follows: by a sixteenth of what it was off.
const inertia = 4

// learn takes the number that came; at is how far into a list. Sums wrap around in both directions alike, so every number
// survives. Between two lists there is no step: the first number of a list teaches none once there were others.
func (c *column) learn(v, clock, place int64, at int) {
	base := c.last
	if c.rule == byClockStep {
		base = clock
	}
	switch step := v - base; {
	case !c.begun, at == 1 && !c.inside:
		c.step = step
	case at > 0 || !c.inside:
		c.step += (step - c.step) >> inertia
	}
	c.inside = c.inside || at > 0
	if c.rule == byPlace {
		c.place[place] = v
	}
	c.last, c.begun = v, true
}

// signedBy codes a number by what its column expects.
func (f *flow) signedBy(c *column, v, clock, place int64, at int) int64 {
	expected := c.expected(clock, place)
	v = expected + f.signed(c.model[min(at, 1)], v-expected)
	c.learn(v, clock, place, at)
	return v
}

// plain codes a number of a column that has no clock and no place.
func (f *flow) plain(c *column, v int64) int64 { return f.signedBy(c, v, 0, 0, 0) }

// costs tries every rule on a column before it is written.
type costs struct {
	tried [rules]*column
	bits  [rules]int
}

func newCosts() *costs {
	c := &costs{}
	for r := range c.tried {
		c.tried[r] = &column{rule: rule(r), place: map[int64]int64{}}
	}
	return c
}

func (c *costs) add(v, clock, place int64, at int) {
	for r, column := range c.tried {
		d := v - column.expected(clock, place)
		c.bits[r] += bits.Len64(uint64(d)<<1 ^ uint64(d>>63))
		column.learn(v, clock, place, at)
	}
}

// best is the rule that costs least, the simplest of equals.
func (c *costs) best() rule {
	best := byNothing
	for r := range rules {
		if c.bits[r] < c.bits[best] {
			best = r
		}
	}
	return best
}

// What the clock of Apple's chips counts: 24 million ticks a second, told as whole nanoseconds (mach_timebase_info says
// 125/3). Jitter in ticks has 5 bits less than in nanoseconds.
const (
	tickNumerator   = 125
	tickDenominator = 3
)

// ticksOf is the tick that a time stamp tells; false when it tells none.
func ticksOf(ns int64) (int64, bool) {
	if ns < 0 || ns > 1<<61 {
		return 0, false
	}
	ticks := (ns*tickDenominator + tickNumerator - 1) / tickNumerator
	return ticks, ticks*tickNumerator/tickDenominator == ns
}

// nsOf is the time stamp of a tick. A damaged block may say any tick.
func nsOf(ticks int64) int64 {
	if ticks < 0 || ticks > 1<<56 {
		return 0
	}
	return ticks * tickNumerator / tickDenominator
}
