package store

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/lilims/bench/harness"
)

// summary is what comparisons and trends need of one metric of a launch: the lowest, the median and the highest kept
// reading, all of them where there are fewer. Their median is the median of all, and none of all lies beyond them: kept
// beside a block, the outer ones are rounded outwards to 24 bits.
type summary struct {
	metric, unit int64 // rows of words
	values       []float64
	uncertainty  *float64 // the largest that a kept reading states
}

// summarise picks the readings that stand for all.
func summarise(readings []float64) []float64 {
	if len(readings) < 3 {
		return readings
	}
	sorted := slices.Clone(readings)
	slices.Sort(sorted)
	middle := sorted[len(sorted)/2]
	if len(sorted)%2 == 0 {
		middle = (sorted[len(sorted)/2-1] + middle) / 2
	}
	return []float64{sorted[0], middle, sorted[len(sorted)-1]}
}

// figures is what a sealed launch keeps beside its block: what is asked of thousands of launches at a time.
type figures struct {
	planned  harness.PlannedSession // without what the launch's row says: ID, Arm, Pair
	prepared harness.Prepared
	metrics  []summary
}

// figuresOf sums up the samples of a launch. A metric whose readings differ in their unit has a summary without values:
// whoever asks for it opens the block and finds out.
func (tx *writeTx) figuresOf(begin harness.SessionBegin, iterations []harness.Iteration, samples []harness.Sample) (figures, error) {
	out := figures{planned: begin.Planned, prepared: begin.Prepared}
	for _, s := range seriesOf(iterations, samples) {
		metric, err := tx.word(s.metric)
		if err != nil {
			return out, err
		}
		unit, err := tx.word(s.unit)
		if err != nil {
			return out, err
		}
		values := summarise(s.values)
		if s.mixed != "" {
			values = nil
		}
		out.metrics = append(out.metrics, summary{metric, unit, values, s.uncertainty})
	}
	return out, nil
}

// metricSeries are the kept readings of one metric of one launch.
type metricSeries struct {
	metric, unit string
	mixed        string // another unit that a reading came in
	values       []float64
	uncertainty  *float64
}

// seriesOf groups the kept readings of a launch by their metric, in the order in which each was first read.
func seriesOf(iterations []harness.Iteration, samples []harness.Sample) []metricSeries {
	kept, place := harness.Kept(iterations), map[string]int{}
	var out []metricSeries
	for _, m := range samples {
		if !kept(m) {
			continue
		}
		i, ok := place[m.Metric]
		if !ok {
			i = len(out)
			place[m.Metric] = i
			out = append(out, metricSeries{metric: m.Metric, unit: m.Unit})
		}
		s := &out[i]
		if m.Unit != s.unit {
			s.mixed = m.Unit
		}
		s.values = append(s.values, m.Value)
		if u := m.Uncertainty; u != nil && (s.uncertainty == nil || *u > *s.uncertainty) {
			s.uncertainty = u
		}
	}
	return out
}

// The bits of a figures value's first byte and of a summary's number of readings.
const (
	bitInstalled = 1 << iota
	bitPushed
	bitFirstEver
	bitColdFrom
	bitPushSeconds
)

// pack writes figures: flags, place in the plan, what was pushed, then the metrics, each as its words, its number of
// readings (and whether an uncertainty is stated) and the readings.
func (f figures) pack() []byte {
	var flags byte
	for bit, set := range map[byte]bool{bitInstalled: f.prepared.BuildInstalled, bitPushed: f.prepared.ModelPushed,
		bitFirstEver: f.prepared.FirstEver,
		bitColdFrom:  f.planned.ColdFrom, bitPushSeconds: f.prepared.PushSeconds != 0} {
		if set {
			flags |= bit
		}
	}
	out := []byte{flags}
	out = binary.AppendVarint(out, int64(f.planned.Ordinal))
	out = binary.AppendVarint(out, int64(f.planned.Case))
	out = binary.AppendVarint(out, f.prepared.PushedBytes)
	if flags&bitPushSeconds != 0 {
		out = appendFloat(out, f.prepared.PushSeconds)
	}
	for _, m := range f.metrics {
		out = binary.AppendUvarint(out, uint64(m.metric))
		out = binary.AppendUvarint(out, uint64(m.unit))
		n := uint64(len(m.values)) << 1
		if m.uncertainty != nil {
			n |= 1
		}
		out = binary.AppendUvarint(out, n)
		for i, v := range m.values {
			if outer(i, len(m.values)) {
				out = binary.LittleEndian.AppendUint32(out, math.Float32bits(outwards(v, i)))
			} else {
				out = appendFloat(out, v)
			}
		}
		if m.uncertainty != nil {
			out = appendFloat(out, *m.uncertainty)
		}
	}
	return out
}

// outer reports whether a reading stands beside a median.
func outer(i, of int) bool { return of == 3 && i != 1 }

// outwards is the float32 next to v that does not lie inside: below the median for the first, above it for the last. Its
// sign stays: what is too small for a float32 becomes the smallest.
func outwards(v float64, i int) float32 {
	out := float32(v)
	switch {
	case i == 0 && float64(out) > v:
		out = math.Nextafter32(out, float32(math.Inf(-1)))
	case i == 2 && float64(out) < v:
		out = math.Nextafter32(out, float32(math.Inf(1)))
	}
	if out == 0 && v != 0 {
		return float32(math.Copysign(math.SmallestNonzeroFloat32, v))
	}
	return out
}

func appendFloat(out []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
}

// unpacking is what figures are read with, of one launch after the other: those metrics that are wanted, into memory that
// is taken for many launches at a time.
type unpacking struct {
	wanted   func(metric int64) bool // nil: none
	found    []summary
	metrics  room[summary]
	readings room[float64]
}

// room is memory for many short slices.
type room[T any] struct{ free []T }

// roomSize is how many values a room takes at a time.
const roomSize = 512

// take returns an empty slice with room for n.
func (r *room[T]) take(n int) []T {
	if n > len(r.free) {
		r.free = make([]T, max(n, roomSize))
	}
	out := r.free[:0:n]
	r.free = r.free[n:]
	return out
}

// figures reads what pack has written.
func (u *unpacking) figures(data []byte) (figures, error) {
	u.found = u.found[:0]
	r := figuresReader{data: data}
	flags := r.byte()
	f := figures{
		planned: harness.PlannedSession{Ordinal: int(r.varint()), Case: int(r.varint()), ColdFrom: flags&bitColdFrom != 0},
		prepared: harness.Prepared{BuildInstalled: flags&bitInstalled != 0, ModelPushed: flags&bitPushed != 0, FirstEver: flags&bitFirstEver != 0,
			PushedBytes: r.varint()},
	}
	if flags&bitPushSeconds != 0 {
		f.prepared.PushSeconds = r.float()
	}
	for len(r.data) > 0 && !r.torn {
		m := summary{metric: int64(r.uvarint()), unit: int64(r.uvarint())}
		n := r.uvarint()
		keep := u.wanted != nil && u.wanted(m.metric)
		r.torn = r.torn || n>>1 > 3
		count := int(min(n>>1, 3))
		if keep && !r.torn {
			m.values = u.readings.take(count)
		}
		for i := range count {
			var v float64
			if outer(i, count) {
				v = float64(math.Float32frombits(binary.LittleEndian.Uint32(r.take(4))))
			} else {
				v = r.float()
			}
			if keep {
				m.values = append(m.values, v)
			}
		}
		if n&1 != 0 {
			if u := r.float(); keep {
				m.uncertainty = &u
			}
		}
		if keep {
			u.found = append(u.found, m)
		}
	}
	if r.torn {
		return f, errTorn
	}
	f.metrics = append(u.metrics.take(len(u.found)), u.found...)
	return f, nil
}

// figuresReader takes values off the front of data; once it is short of one, it is torn.
type figuresReader struct {
	data []byte
	torn bool
}

func (r *figuresReader) take(n int) []byte {
	if n <= 0 || n > len(r.data) {
		r.torn, r.data = true, nil
		return make([]byte, 8)
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *figuresReader) byte() byte { return r.take(1)[0] }

func (r *figuresReader) float() float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(r.take(8)))
}

func (r *figuresReader) uvarint() uint64 {
	v, size := binary.Uvarint(r.data)
	r.take(size)
	return v
}

func (r *figuresReader) varint() int64 {
	v, size := binary.Varint(r.data)
	r.take(size)
	return v
}

// whole reports whether the summaries say all: none of them is of readings that differ in their unit.
func (f figures) whole() bool {
	return !slices.ContainsFunc(f.metrics, func(m summary) bool { return len(m.values) == 0 })
}
