// Package launchtest makes launches for tests of what keeps and reads them: event lines as the app writes them, folded by
// package derive, with battery readings and samples of the host beside them.
package launchtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
	"github.com/lilims/bench/harness/wire"
)

// Yield is what a launch yielded.
type Yield struct {
	Lines      []harness.EventLine
	Iterations []harness.Iteration
	Samples    []harness.Sample
	Battery    []harness.BatteryReading
	Absences   []harness.Absence
	Notice     harness.Notice
}

// Shape is what a launch is to look like.
type Shape struct {
	ID                 string
	Iterations, Tokens int           // the first iteration is a warm-up
	Jitter             time.Duration // SD of a time stamp
	Ticks              bool          // stamps are of a clock of 24 MHz, as a phone's; or else of nanoseconds
	Seed               uint64
}

// Start is when the host sees a launch begin.
var Start = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

// script writes event lines on a clock of its own.
type script struct {
	shape  Shape
	random *rand.Rand
	now    int64
	texts  []string
}

// stamp lets time pass and reads the clock.
func (s *script) stamp(after time.Duration) int64 {
	s.now += int64(after)
	if s.shape.Ticks {
		s.now = s.now * 3 / 125 * 125 / 3
	}
	return s.now
}

func (s *script) jitter() time.Duration {
	return time.Duration(s.random.NormFloat64() * float64(s.shape.Jitter))
}

func (s *script) line(format string, args ...any) {
	s.texts = append(s.texts, fmt.Sprintf(
		`{"v":1,"seq":%d,"at_ns":%d,%s}`, len(s.texts), s.stamp(time.Duration(5000+s.random.IntN(3000))), fmt.Sprintf(format, args...),
	))
}

// Record makes a launch of that shape.
func Record(shape Shape) Yield {
	s := &script{shape: shape, random: rand.New(rand.NewPCG(shape.Seed, 1)), now: 3_000_000_000_000}
	s.line(`"kind":"hello","session":%q,"agent":"1.1.0","pid":4321,"bundle_id":"org.lilims.bench","revision":"0123abc",`+
		`"configuration":"Release","backend":"coreml","compute_units":"all","os":"Version 18.6 (Build 22G86)","machine":"iPhone15,4",`+
		`"memory_bytes":6442450944,"low_power":false,"unix_ns":%d`, shape.ID, Start.UnixNano())
	s.line(`"kind":"thermal","state":"nominal"`)
	s.line(`"kind":"load","regime":"warm","ns":812345678,"model":"smollm2-135m-int4","model_hash":"%064x","model_bytes":102187223`, 7)
	ids := make([]int, shape.Tokens)
	for i := range ids {
		ids[i] = s.random.IntN(49152)
	}
	for i := range shape.Iterations {
		s.iteration(i, ids)
	}
	s.line(`"kind":"end","count":%d,"reason":"complete"`, shape.Iterations)
	return Fold(shape.ID, s.texts, s.random)
}

// iteration writes the lines of one: its tokens in bunches, as a bounded stream hands them over.
func (s *script) iteration(i int, ids []int) {
	s.line(`"kind":"iteration_begin","iteration":%d,"warmup":%v,"prompt_tokens":16`, i, i == 0)
	prefill := 150*time.Millisecond + s.jitter()
	s.stamp(prefill)
	s.line(`"kind":"prefill","iteration":%d,"prompt_tokens":16,"ns":%d`, i, prefill)
	text := ""
	for first := 0; first < len(ids); {
		count := min(16, len(ids)-first)
		if first == 0 {
			count = 1
		}
		var at, of []string
		words := ""
		for _, id := range ids[first : first+count] {
			at = append(at, fmt.Sprint(s.stamp(25*time.Millisecond+s.jitter())))
			of = append(of, fmt.Sprint(id))
			words += fmt.Sprintf(" w%d", id%997)
		}
		s.line(
			`"kind":"tokens","iteration":%d,"first":%d,"ids":[%s],"at":[%s],"text":"%s"`, i, first, strings.Join(of, ","), strings.Join(at, ","),
			words,
		)
		text += words
		first += count
		if first%48 == 1 {
			s.line(
				`"kind":"sample","iteration":%d,"metric":"footprint_bytes","value":%d,"unit":"B","phase":"decode"`, i,
				210_000_000+16384*s.random.IntN(3),
			)
		}
	}
	s.line(`"kind":"iteration_end","iteration":%d,"outcome":"ok","reason":"length","count":%d,"text":"%s"`, i, len(ids), text)
}

// Fold makes a launch of any lines.
func Fold(id string, texts []string, random *rand.Rand) Yield {
	var y Yield
	fold := derive.NewFold(derive.Expect{Session: id})
	at := Start
	for i, text := range texts {
		if i%7 == 0 {
			at = at.Add(time.Duration(200_000_000 + random.IntN(50_000_000)))
		}
		y.Lines = append(y.Lines, harness.EventLine{Session: id, Number: i + 1, Text: text, At: at})
		yielded := fold.Add(wire.DecodeLine(i+1, []byte(text)), at)
		y.Iterations = append(y.Iterations, yielded.Iterations...)
		y.Samples = append(y.Samples, yielded.Samples...)
	}
	y.sampled(id, random)
	y.Absences = []harness.Absence{{Session: id, Metric: harness.Retention60, Reason: "too short"}}
	y.Notice = harness.Notice{Session: id, What: "wait", Text: "10 s for the gauge", At: Start}
	return y
}

// sampled adds what the host reads meanwhile: the gauge, which publishes every 20 s, and the process's footprint.
func (y *Yield) sampled(id string, random *rand.Rand) {
	accumulated, count := int64(123_456_789), int64(40_000)
	for i := range 30 {
		at := Start.Add(time.Duration(i)*time.Second + time.Duration(random.IntN(3_000_000)))
		if i%20 == 0 {
			accumulated, count = accumulated+3200*20+int64(random.IntN(900)), count+20
		}
		update, voltage, energy := Start.Unix()+int64(i/20*20), int64(3987), uint64(accumulated)*10/36
		y.Battery = append(y.Battery, harness.BatteryReading{At: at, UpdateTime: &update, VoltageMillivolt: &voltage, AccumulatedEnergy: &energy,
			Raw: fmt.Sprintf(`{"Amperage":-812,"UpdateTime":%d,"Voltage":3987,"PowerTelemetryData":{"AccumulatedSystemLoad":%d,"SystemLoad":%d,`+
				`"SystemLoadAccumulatorCount":%d}}`, update, accumulated, 3000+i/20, count)})
		doubt := 8192.0
		y.Samples = append(y.Samples, harness.Sample{
			Session: id, Metric: "host_footprint_bytes", Value: 211_000_000, Unit: "B", At: at, Source: harness.SourceHost, Method: "sysmontap",
			Uncertainty: &doubt,
		})
	}
}
