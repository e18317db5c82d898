package block

import (
	"math"
	"slices"

	"github.com/lilims/bench/harness"
)

// words codes tuples of texts that come again and again.
type words struct {
	*flow
	known   [][]string
	indexOf map[string]int
	follows map[int]int
	order   *number
	before  int
}

func newWords(f *flow) *words {
	return &words{flow: f, indexOf: map[string]int{}, follows: map[int]int{}, order: newNumber()}
}

// tuple codes one; the number of its texts is known. It returns the texts and their index.
func (w *words) tuple(texts ...string) ([]string, int) {
	joined := ""
	for _, t := range texts {
		joined += t + "\x00"
	}
	index, known := w.indexOf[joined]
	if !known {
		index = len(w.known)
	}
	expected := w.follows[w.before]
	index = expected + int(w.signed(w.order, int64(index-expected)))
	if index < 0 || index > len(w.known) {
		w.fail()
		return texts, 0
	}
	w.follows[w.before], w.before = index, index
	if index < len(w.known) {
		return w.known[index], index
	}
	told := make([]string, len(texts))
	for i, t := range texts {
		told[i] = w.text(t)
	}
	w.indexOf[joined] = index
	w.known = append(w.known, told)
	return told, index
}

// iterations codes what the lines were folded into. Most of it the lines have said.
func (f *flow) iterations(session string, in []harness.Iteration) []harness.Iteration {
	n := f.count(newNumber(), len(in))
	c := &iterationColumns{
		flow: f, words: newWords(f), index: newColumn(byLastStep), prompt: newColumn(byLast), warmup: newProbabilities(2),
		begin: newReference(), prefill: newReference(), first: newReference(), end: newReference(), there: newProbabilities(4),
		asSaid: newProbabilities(3), size: newColumn(byLast), id: newColumn(byPlace), at: newColumn(byLastStep),
	}
	var out []harness.Iteration
	for i := 0; i < n && f.err == nil; i++ {
		var it harness.Iteration
		if !f.reading {
			it = in[i]
		}
		it = c.code(it)
		it.Session = session
		out = append(out, it)
	}
	return out
}

type iterationColumns struct {
	*flow
	words                      *words
	index, prompt              *column
	warmup                     []probability // by whether the one before was
	was                        int
	begin, prefill, first, end *reference
	there                      []probability // prefill, first, end, thermal
	asSaid                     []probability // ids, stamps, text
	size, id, at               *column
}

func (c *iterationColumns) code(it harness.Iteration) harness.Iteration {
	it.Index = int(c.plain(c.index, int64(it.Index)))
	it.Warmup = c.flag(&c.warmup[c.was], it.Warmup)
	c.was = int(truth(it.Warmup))
	it.PromptTokens = int(c.plain(c.prompt, int64(it.PromptTokens)))
	thermal := ""
	if it.Thermal != nil {
		thermal = string(*it.Thermal)
	}
	told, _ := c.words.tuple(string(it.Outcome), it.Reason, thermal)
	it.Outcome, it.Reason = harness.Outcome(told[0]), told[1]
	if it.Thermal = nil; c.flag(&c.there[3], told[2] != "") {
		state := harness.ThermalState(told[2])
		it.Thermal = &state
	}
	it.BeginNs = c.refer(c.begin, c.times, it.BeginNs)
	it.PrefillNs = c.perhaps(&c.there[0], it.PrefillNs, func(v int64) int64 { return c.refer(c.prefill, c.durations, v) })
	it.FirstTokenNs = c.perhaps(&c.there[1], it.FirstTokenNs, func(v int64) int64 { return c.refer(c.first, c.times, v) })
	it.EndNs = c.perhaps(&c.there[2], it.EndNs, func(v int64) int64 { return c.refer(c.end, c.times, v) })
	c.tokensOf(&it)
	said, known := c.endText[it.Index]
	if known && c.flag(&c.asSaid[2], it.Text == said) {
		it.Text = said
	} else {
		it.Text = c.text(it.Text)
	}
	return it
}

// tokensOf codes ids and stamps: as the lines say them, or one by one.
func (c *iterationColumns) tokensOf(it *harness.Iteration) {
	said := c.tokens[it.Index]
	if said == nil {
		said = &stamps{}
	}
	wide := make([]int64, len(it.TokenIDs))
	for i, id := range it.TokenIDs {
		wide[i] = int64(id)
	}
	wide = c.listOf(&c.asSaid[0], wide, said.ids, c.id)
	it.TokenIDs = nil
	for _, id := range wide {
		it.TokenIDs = append(it.TokenIDs, int32(id))
	}
	it.TokenNs = c.listOf(&c.asSaid[1], it.TokenNs, said.at, c.at)
	if len(it.TokenNs) == 0 {
		it.TokenNs = nil
	}
}

func (c *iterationColumns) listOf(same *probability, list, said []int64, column *column) []int64 {
	if c.flag(same, slices.Equal(list, said)) {
		return slices.Clone(said)
	}
	n := int(c.plain(c.size, int64(len(list))))
	if c.reading {
		if n < 0 || n > c.left {
			c.fail()
			return nil
		}
		list = make([]int64, n)
	}
	for i := range list {
		list[i] = c.signedBy(column, list[i], 0, int64(i), i)
	}
	return list
}

// samples codes readings, and figures that follow from an iteration's stamps.
func (f *flow) samples(session string, in []harness.Sample, iterations []harness.Iteration) []harness.Sample {
	n := f.count(newNumber(), len(in))
	c := &sampleColumns{
		flow: f, words: newWords(f), kinds: map[int]*sampleKind{}, byIndex: map[int]*harness.Iteration{}, wall: newColumn(byLastStep),
		apart: newColumn(byLast),
	}
	for i := range iterations {
		c.byIndex[iterations[i].Index] = &iterations[i]
	}
	var out []harness.Sample
	for i := 0; i < n && f.err == nil; i++ {
		var m harness.Sample
		if !f.reading {
			m = in[i]
		}
		m = c.code(m)
		m.Session = session
		out = append(out, m)
	}
	return out
}

type sampleColumns struct {
	*flow
	words   *words
	kinds   map[int]*sampleKind
	byIndex map[int]*harness.Iteration
	lastNs  int64
	wall    *column // host times of readings without a device's
	apart   *column // how far the host's clock is from the device's
}

// sampleKind is the columns of the readings of one metric, source, method and so on.
type sampleKind struct {
	there     []probability // iteration, device time, uncertainty, device time as before
	iteration *column
	device    *reference
	value     *floats
	doubt     *floats
}

func (c *sampleColumns) code(m harness.Sample) harness.Sample {
	told, index := c.words.tuple(m.Metric, m.Unit, m.Phase, string(m.Source), m.Method)
	m.Metric, m.Unit, m.Phase, m.Source, m.Method = told[0], told[1], told[2], harness.Source(told[3]), told[4]
	k := c.kinds[index]
	if k == nil {
		k = &sampleKind{
			there: newProbabilities(4), iteration: newColumn(byLastStep), device: newReference(), value: newFloats(), doubt: newFloats(),
		}
		c.kinds[index] = k
	}
	var of *harness.Iteration
	if c.flag(&k.there[0], m.Iteration != nil) {
		number := int64(0)
		if m.Iteration != nil {
			number = int64(*m.Iteration)
		}
		i := int(c.plain(k.iteration, number))
		m.Iteration, of = &i, c.byIndex[i]
	}
	m.DeviceNs = c.perhaps(&k.there[1], m.DeviceNs, func(ns int64) int64 {
		if c.flag(&k.there[3], ns == c.lastNs) {
			return c.lastNs
		}
		c.lastNs = c.refer(k.device, c.times, ns)
		return c.lastNs
	})
	if m.DeviceNs != nil {
		m.At = timeOf(*m.DeviceNs + c.plain(c.apart, stampOf(m.At)-*m.DeviceNs))
	} else {
		m.At = timeOf(c.plain(c.wall, stampOf(m.At)))
	}
	m.Value = c.float(k.value, m.Value, of)
	if c.flag(&k.there[2], m.Uncertainty != nil) {
		doubt := 0.0
		if m.Uncertainty != nil {
			doubt = *m.Uncertainty
		}
		doubt = c.float(k.doubt, doubt, nil)
		m.Uncertainty = &doubt
	}
	return m
}

// floats is a column of floating-point numbers.
type floats struct {
	form  *number
	whole *column
}

func newFloats() *floats { return &floats{form: newNumber(), whole: newColumn(byLast)} }

// Forms of a float. From formFormula on, the formula of that number gives it.
const (
	formBits    = 0 // its 64 bits
	formWhole   = 1 // a whole number
	formNano    = 2 // a whole number of billionths
	formFormula = 3
)

// float codes a number in the first form that gives back every bit of it.
func (f *flow) float(c *floats, v float64, of *harness.Iteration) float64 {
	form, whole := formBits, int64(0)
	if !f.reading {
		form, whole = formOf(v, of)
	}
	form = int(f.unsigned(c.form, uint64(form)))
	switch {
	case form == formBits:
		return math.Float64frombits(f.raw(math.Float64bits(v), 64))
	case form == formWhole:
		return float64(f.plain(c.whole, whole))
	case form == formNano:
		return float64(f.plain(c.whole, whole)) / 1e9
	case form >= formFormula && form-formFormula < len(formulas) && of != nil:
		v, ok := formulas[form-formFormula](of)
		if !ok {
			f.fail()
		}
		return v
	}
	f.fail()
	return 0
}

func formOf(v float64, of *harness.Iteration) (form int, whole int64) {
	if of != nil {
		for i, formula := range formulas {
			if got, ok := formula(of); ok && math.Float64bits(got) == math.Float64bits(v) {
				return formFormula + i, 0
			}
		}
	}
	const most = 1 << 53
	if v >= -most && v <= most && v == math.Trunc(v) && !(v == 0 && math.Signbit(v)) {
		return formWhole, int64(v)
	}
	if nano := math.Round(v * 1e9); nano >= -most && nano <= most && nano/1e9 == v && nano != 0 {
		return formNano, int64(nano)
	}
	return formBits, 0
}

// formulas are how figures follow from an iteration. They are part of the format: a figure that is computed in another
// way one day is written by its bits. Conversions keep compilers from fusing a product into a sum.
var formulas = []func(*harness.Iteration) (float64, bool){
	func(it *harness.Iteration) (float64, bool) { // tokens a second
		n := len(it.TokenNs)
		if n < 2 || it.TokenNs[n-1] <= it.TokenNs[0] {
			return 0, false
		}
		return float64(n-1) / (float64(it.TokenNs[n-1]-it.TokenNs[0]) / 1e9), true
	},
	func(it *harness.Iteration) (float64, bool) { return quantile(it, 0.50) },
	func(it *harness.Iteration) (float64, bool) { return quantile(it, 0.95) },
	func(it *harness.Iteration) (float64, bool) { return quantile(it, 0.99) },
	func(it *harness.Iteration) (float64, bool) { // time to the first token
		if it.FirstTokenNs == nil {
			return 0, false
		}
		return float64(*it.FirstTokenNs-it.BeginNs) / 1e9, true
	},
	func(it *harness.Iteration) (float64, bool) { // prompt tokens a second
		if it.PrefillNs == nil || *it.PrefillNs == 0 {
			return 0, false
		}
		return float64(it.PromptTokens) / (float64(*it.PrefillNs) / 1e9), true
	},
}

// quantile interpolates between the intervals of an iteration's stamps.
func quantile(it *harness.Iteration, q float64) (float64, bool) {
	n := len(it.TokenNs)
	if n < 2 {
		return 0, false
	}
	gaps := make([]float64, 0, n-1)
	for i := 1; i < n; i++ {
		gaps = append(gaps, float64(it.TokenNs[i]-it.TokenNs[i-1])/1e9)
	}
	slices.Sort(gaps)
	h := q * float64(len(gaps)-1)
	i := int(h)
	if i+1 >= len(gaps) {
		return gaps[len(gaps)-1], true
	}
	return gaps[i] + float64((h-float64(i))*(gaps[i+1]-gaps[i])), true
}
