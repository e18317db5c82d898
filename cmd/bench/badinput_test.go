package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/crosscheck"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/ingest"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/harness/wire"
	"github.com/lilims/bench/reports"
)

// Bad input, from the event line to the report's text: what an app, a phone or a host may get wrong is kept as evidence,
// marked, left out of the figures, and the report gives the reason. The path is the product's own: lines and readings go
// through engine and wire into a store on disk, and the report is made of what the store gives back.

// scripted is a device whose launch says what a test has written down. Time is the test's.
type scripted struct {
	clock *scriptClock
	play  func(sink harness.Sink) harness.Exit
}

func (s *scripted) Devices(context.Context) ([]harness.Device, error)            { return nil, nil }
func (s *scripted) Open(context.Context, harness.Device) (harness.Handle, error) { return s, nil }
func (s *scripted) State(context.Context) (harness.DeviceState, error) {
	return harness.DeviceState{At: s.clock.now}, nil
}
func (s *scripted) Battery(context.Context) (harness.BatteryReading, error) {
	return harness.BatteryReading{}, io.EOF
}
func (s *scripted) Clock() harness.Clock { return s.clock }
func (s *scripted) Close() error         { return nil }
func (s *scripted) Prepare(context.Context, harness.Build, harness.Model, func(harness.Progress)) (harness.Prepared, error) {
	return harness.Prepared{}, nil
}
func (s *scripted) Run(_ context.Context, _ harness.Task, sink harness.Sink) (harness.Exit, error) {
	return s.play(sink), nil
}
func (s *scripted) Collect(context.Context, harness.Task, harness.Sink) (harness.Exit, error) {
	return harness.Exit{}, harness.ErrNoLaunch
}

// scriptClock is moved by what the script says; waiting moves it too.
type scriptClock struct{ now time.Time }

func (c *scriptClock) Now() time.Time { return c.now }
func (c *scriptClock) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}
func (c *scriptClock) After(time.Duration) <-chan time.Time { return nil }

// moment is one thing that reaches the host, at the device's time in seconds since the launch.
type moment struct {
	at      float64
	line    []byte // an event line
	reading *harness.BatteryReading
	sample  *harness.Sample
	payload []byte
	hostLag time.Duration // beyond the device's time
}

// launch is the script of a launch: three iterations of eight seconds, a gauge that publishes every two seconds.
type launch struct {
	moments []moment
	exit    harness.Exit
}

const (
	boot      = 1_000.0 // s, the device's monotonic clock at the launch
	wallBegin = 1_790_000_000
	tokens    = 25
)

// newLaunch writes the script of a launch in which nothing goes wrong.
func newLaunch() *launch {
	l := &launch{exit: harness.Exit{Outcome: harness.OutcomeOK}}
	seq := int64(0)
	say := func(at float64, e wire.Event) {
		e.V, e.Seq, e.AtNs = 1, seq, int64((boot+at)*1e9)
		seq++
		text, err := wire.EncodeLine(e)
		if err != nil {
			panic(err)
		}
		l.moments = append(l.moments, moment{at: at, line: bytes.TrimSuffix(text, []byte("\n"))})
	}
	p := func(n int) *int { return &n }
	ns := func(seconds float64) *int64 { n := int64(seconds * 1e9); return &n }
	unix := int64(wallBegin * 1e9)
	say(0, wire.Event{Kind: wire.Hello, Session: "s000", UnixNs: &unix})
	say(1, wire.Event{Kind: wire.Load, Regime: "cold", Ns: ns(0.9)})
	at := 2.0
	for i := range 3 {
		no := false
		say(at, wire.Event{Kind: wire.IterationBegin, Iteration: p(i), Warmup: &no, PromptTokens: p(8)})
		footprint := 40e6 + float64(i)*1e6
		say(at+0.1, wire.Event{Kind: wire.Sample, Metric: harness.Footprint, Value: &footprint, Unit: "B", Phase: "prefill", Iteration: p(i)})
		say(at+0.2, wire.Event{Kind: wire.Prefill, Iteration: p(i), PromptTokens: p(8), Ns: ns(0.15)})
		for first := 0; first < tokens; first += 5 {
			e := wire.Event{Kind: wire.Tokens, Iteration: p(i), First: p(first), Text: "and so on "}
			for k := range 5 {
				e.IDs = append(e.IDs, int32(k))
				e.At = append(e.At, int64((boot+at+0.3+0.3*float64(first+k))*1e9))
			}
			say(at+0.3+0.3*float64(first+4), e)
		}
		say(at+7.8, wire.Event{Kind: wire.IterationEnd, Iteration: p(i), Outcome: "ok", Count: p(tokens)})
		at += 8
	}
	say(at, wire.Event{Kind: wire.End, Count: p(3), Reason: "complete"})
	for t := 0.5; t < at; t++ {
		update, count := int64(wallBegin+2*math.Floor(t/2)), uint64(100+2*math.Floor(t/2))
		sum, mv, ma := count*3000, int64(4000), int64(-750)
		l.moments = append(l.moments,
			moment{at: t, reading: &harness.BatteryReading{
				UpdateTime: &update, SystemLoadCount: &count, AccumulatedSystemLoad: &sum, VoltageMillivolt: &mv, AmperageMilliampere: &ma,
				Raw: `{"Voltage":4000}`,
			}},
			moment{at: t, sample: &harness.Sample{Metric: harness.FootprintHost, Value: 50e6, Unit: "B", Source: harness.SourceHost}})
	}
	return l
}

// play hands the script on in the order of time.
func (l *launch) play(clock *scriptClock) func(harness.Sink) harness.Exit {
	begun := time.Unix(wallBegin, 0).UTC()
	return func(sink harness.Sink) harness.Exit {
		ordered := append([]moment(nil), l.moments...)
		stable(ordered)
		number := 0
		for _, m := range ordered {
			clock.now = begun.Add(time.Duration(m.at*1e9) + m.hostLag)
			switch {
			case m.line != nil:
				number++
				sink.Line(number, m.line)
			case m.reading != nil:
				m.reading.At = clock.now
				sink.Battery(*m.reading)
			case m.sample != nil:
				m.sample.At = clock.now
				sink.Sample(*m.sample)
			case m.payload != nil:
				sink.Payload("metrickit-metric-1.json", m.payload)
			}
		}
		return l.exit
	}
}

// stable orders moments by time; lines keep their order.
func stable(moments []moment) {
	for i := 1; i < len(moments); i++ {
		for j := i; j > 0 && moments[j].at < moments[j-1].at && (moments[j].line == nil || moments[j-1].line == nil); j-- {
			moments[j], moments[j-1] = moments[j-1], moments[j]
		}
	}
}

// lines calls change for every event line with its number from 1 and its event; nil leaves the line as it is.
func (l *launch) lines(change func(n int, e wire.Event, text string) []byte) {
	n := 0
	for i := range l.moments {
		if l.moments[i].line == nil {
			continue
		}
		n++
		var e wire.Event
		if err := json.Unmarshal(l.moments[i].line, &e); err != nil {
			panic(err)
		}
		if text := change(n, e, string(l.moments[i].line)); text != nil {
			l.moments[i].line = text
		}
	}
}

// retime changes the device's stamps of every line from a time on, s since the launch.
func (l *launch) retime(from, by float64) {
	l.lines(func(_ int, e wire.Event, _ string) []byte {
		if float64(e.AtNs)/1e9-boot < from {
			return nil
		}
		e.AtNs += int64(by * 1e9)
		for i := range e.At {
			e.At[i] += int64(by * 1e9)
		}
		text, _ := wire.EncodeLine(e)
		return bytes.TrimSuffix(text, []byte("\n"))
	})
}

func (l *launch) readings(change func(t float64, r *harness.BatteryReading)) {
	for _, m := range l.moments {
		if m.reading != nil {
			change(m.at, m.reading)
		}
	}
}

// second is the event line of an iteration of that kind, the first of them.
func inIteration(e wire.Event, kind wire.Kind, iteration int) bool {
	return e.Kind == kind && e.Iteration != nil && *e.Iteration == iteration
}

// told is all that a test asks about a run.
type told struct {
	text     string
	recorded harness.Recorded
	lines    []harness.EventLine
	report   reports.Report
}

func (f told) outcomes() string {
	var out []string
	for _, it := range f.recorded.Sessions[0].Iterations {
		out = append(out, string(it.Outcome))
	}
	return strings.Join(out, " ")
}

// carry brings a launch through engine, store and report.
func carry(t *testing.T, l *launch, host harness.Clock) told {
	t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, t.TempDir()+"/bench.sqlite")
	require.NoError(t, err)
	defer db.Close()
	clock := &scriptClock{now: time.Unix(wallBegin, 0).UTC()}
	device := &scripted{clock: clock, play: l.play(clock)}
	if host == nil {
		host = clock
	}
	run := harness.Run{ID: "r1", Start: clock.now, Plan: harness.Plan{
		Cases: []harness.Case{{Device: harness.Device{
			UDID: "U", Kind: harness.KindIPhone, ProductType: "iPhone15,4",
		}, Model: harness.Model{Name: "m", Hash: "aa"},
			Scenario: harness.Scenario{Name: "quick", GenerateTokens: tokens, Iterations: 3, SessionTimeout: time.Hour}}},
		Builds: []harness.Build{
			{Arm: harness.ArmCandidate, BundleID: "b", Hash: "cc"},
		}, Sessions: []harness.PlannedSession{{ID: "s000", Arm: harness.ArmCandidate}}}}
	// A launch that ends badly is an error of the run as well; what counts here is what is recorded.
	_, _ = (&engine.Engine{Runner: device, Recorder: db, Clock: host, TelemetryInterval: time.Second}).Run(ctx, run)
	require.NoError(t, ingest.FromRun(ctx, db, clock, "r1"))
	recorded, err := db.Read(ctx, "r1")
	require.NoError(t, err)
	var f told
	f.recorded = recorded
	f.report, err = newReport(ctx, crosscheck.New(db), recorded)
	require.NoError(t, err)
	f.lines, err = db.Lines(ctx, "r1", "s000")
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, f.report.Text(&text))
	f.text = text.String()
	return f
}

// setHost is a host's clock that is set by an hour during the session.
type setHost struct {
	*scriptClock
	looks int
}

func (c *setHost) Step() time.Duration {
	if c.looks++; c.looks > 1 {
		return time.Hour
	}
	return 0
}

// badInput is one kind of bad input: what it does to a launch, and what must become of it.
type badInput struct {
	name     string
	do       func(l *launch)
	host     func() harness.Clock
	outcomes string             // of the iterations; empty: ok ok ok
	says     []string           // in the report's text
	figures  map[string]float64 // that the report must still have, to 3 %
	without  []string           // figures that must be absent
	evidence string             // in an event line as it arrived
}

var badInputs = []badInput{
	{name: "nothing", do: func(*launch) {}, figures: map[string]float64{
		harness.Energy: 72, harness.DecodeTokS: 1 / 0.3, harness.PeakFootprintHost: 50e6, harness.PeakFootprint: 41e6,
	}},
	// Clocks.
	{name: "the phone's clock goes back", do: func(l *launch) { l.retime(13, -6) }, outcomes: "ok invalid ok",
		says: []string{
			"the device's clock went back by", "energy per session               the device's clock went back by",
		}, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}, without: []string{harness.Energy}},
	{name: "the phone's clock goes ahead", do: func(l *launch) { l.retime(13, 3600) }, outcomes: "ok invalid ok",
		says: []string{
			"the device's clock went ahead by 1h0m", "energy per session               the device's clock went ahead",
		}, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}, without: []string{harness.Energy}},
	{name: "the phone's date is set", do: func(l *launch) {
		l.readings(func(t float64, r *harness.BatteryReading) {
			if t > 12 {
				*r.UpdateTime += 3600
			}
		})
	}, says: []string{"the phone's clock was set"}, figures: map[string]float64{harness.Energy: 72}},
	{name: "the host's clock is set", do: func(*launch) {}, host: func() harness.Clock {
		return &setHost{
			scriptClock: &scriptClock{now: time.Unix(wallBegin, 0)},
		}
	},
		says: []string{"the host's clock was set ahead by 1h0m0s"}, figures: map[string]float64{harness.Energy: 72, harness.DecodeTokS: 1 / 0.3}},
	{name: "host and phone an hour apart", do: func(l *launch) {
		for i := range l.moments {
			l.moments[i].hostLag = time.Hour
		}
	}, figures: map[string]float64{harness.Energy: 72}},
	// Counters.
	{name: "counters wrap", do: func(l *launch) {
		l.readings(func(_ float64, r *harness.BatteryReading) {
			*r.AccumulatedSystemLoad += math.MaxUint64 - 330_000
			*r.SystemLoadCount += math.MaxUint64 - 110
		})
	}, figures: map[string]float64{harness.Energy: 72}},
	{name: "counters start over", do: func(l *launch) {
		l.readings(func(t float64, r *harness.BatteryReading) {
			if t > 10 {
				*r.AccumulatedSystemLoad -= 109 * 3000
				*r.SystemLoadCount -= 109
			}
		})
	}, says: []string{"counters were reset or unreadable"}, figures: map[string]float64{harness.Energy: 72}},
	{name: "counters are no counters", do: func(l *launch) {
		l.readings(func(t float64, r *harness.BatteryReading) {
			*r.AccumulatedSystemLoad = uint64(t * 7919 * 1e9)
			*r.SystemLoadCount = uint64(1e6 - t)
			*r.VoltageMillivolt = -5
		})
	}, says: []string{
		"no accumulators that can be compared", "readings of voltage and current within the work",
	}, without: []string{harness.Energy}},
	{name: "senseless volts and amperes", do: func(l *launch) {
		l.readings(func(t float64, r *harness.BatteryReading) {
			r.AccumulatedSystemLoad, r.SystemLoadCount = nil, nil
			if int(t)%8 == 0 {
				*r.VoltageMillivolt = -4000
			}
		})
	}, says: []string{"no lithium cell gives them"}, figures: map[string]float64{harness.Energy: 72}},
	{name: "the gauge says twice what V x I says", do: func(l *launch) {
		l.readings(func(_ float64, r *harness.BatteryReading) { *r.AmperageMilliampere = -375 })
	}, says: []string{"they differ by more than 10 %"}, figures: map[string]float64{harness.Energy: 72}},
	// The battery's ways.
	{name: "charging begins midway", do: func(l *launch) {
		l.readings(func(t float64, r *harness.BatteryReading) { on := t > 14; r.Charging, r.ExternalPower = &on, &on })
	}, says: []string{"the battery was charging in"}, without: []string{harness.Energy, harness.EnergyPerToken}},
	{name: "the gauge goes silent", do: func(l *launch) {
		var kept []moment
		for _, m := range l.moments {
			if m.reading == nil || m.at < 7 {
				kept = append(kept, m)
			}
		}
		l.moments = kept
	}, says: []string{"of 24 s of work"}, without: []string{harness.Energy}},
	{name: "no gauge at all", do: func(l *launch) {
		var kept []moment
		for _, m := range l.moments {
			if m.reading == nil {
				kept = append(kept, m)
			}
		}
		l.moments = kept
	}, says: []string{"the battery's gauge was not read"}, without: []string{harness.Energy}},
	// Readings that are none.
	{name: "NaN in a line", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if inIteration(e, wire.Sample, 1) {
				return []byte(strings.Replace(text, `"value":41000000`, `"value":NaN`, 1))
			}
			return nil
		})
	}, outcomes: "ok invalid ok", says: []string{
		"cannot be read: invalid character 'N'",
	}, evidence: `"value":NaN`, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}},
	{name: "a reading without its number", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if e.Kind == wire.Sample {
				return []byte(strings.Replace(text, `"value":`, `"was":`, 1))
			}
			return nil
		})
	}, says: []string{
		"footprint_bytes came without a number", "the app read no number",
	}, without: []string{harness.PeakFootprint}, evidence: `"was":`},
	{name: "a negative reading", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if e.Kind == wire.Sample {
				return []byte(strings.Replace(text, `"value":4`, `"value":-4`, 1))
			}
			return nil
		})
	}, says: []string{
		"footprint_bytes cannot be -4e+07 B", "the app read -4e+07 B",
	}, without: []string{harness.PeakFootprint}, evidence: `"value":-4`},
	{name: "the host's sampler reads NaN and less than nothing", do: func(l *launch) {
		for i, m := range l.moments {
			if m.sample != nil {
				m.sample.Value = []float64{math.NaN(), -1, math.Inf(1)}[i%3]
			}
		}
	}, says: []string{"the host's sampler read"}, without: []string{harness.PeakFootprintHost}, figures: map[string]float64{
		harness.DecodeTokS: 1 / 0.3,
	}},
	// Lines.
	{name: "time stamps out of order", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, _ string) []byte {
			if !inIteration(e, wire.Tokens, 1) || *e.First != 5 {
				return nil
			}
			e.At[1], e.At[3] = e.At[3], e.At[1]
			text, _ := wire.EncodeLine(e)
			return bytes.TrimSuffix(text, []byte("\n"))
		})
	}, outcomes: "ok invalid ok", says: []string{"2 of 3 iterations measured"}, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}},
	{name: "lines out of order", do: func(l *launch) {
		var at []int
		l.lines(func(int, wire.Event, string) []byte { return nil })
		for i, m := range l.moments {
			var e wire.Event
			if m.line != nil && json.Unmarshal(m.line, &e) == nil && inIteration(e, wire.Tokens, 1) {
				at = append(at, i)
			}
		}
		l.moments[at[1]].line, l.moments[at[2]].line = l.moments[at[2]].line, l.moments[at[1]].line
	}, outcomes: "ok invalid ok", says: []string{"events 15 to 15 are missing", "came after event"}},
	{name: "a line is lost", do: func(l *launch) {
		for i, m := range l.moments {
			var e wire.Event
			if m.line != nil && json.Unmarshal(m.line, &e) == nil && inIteration(e, wire.Tokens, 2) {
				l.moments = append(l.moments[:i:i], l.moments[i+1:]...)
				return
			}
		}
	}, outcomes: "ok ok invalid", says: []string{"are missing"}},
	{name: "a line is corrupt", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if inIteration(e, wire.Tokens, 1) && *e.First == 10 {
				return []byte(text[:len(text)/2] + "\x00\xff")
			}
			return nil
		})
	}, outcomes: "ok invalid ok", says: []string{"cannot be read: not UTF-8"}},
	{name: "the file is cut off", do: func(l *launch) {
		last := 0
		l.lines(func(n int, e wire.Event, _ string) []byte {
			if inIteration(e, wire.Tokens, 2) && *e.First == 10 {
				last = n
			}
			return nil
		})
		n := 0
		var kept []moment
		for _, m := range l.moments {
			if m.line != nil {
				if n++; n == last {
					m.line = m.line[:len(m.line)/2]
				}
				if n > last {
					continue
				}
			}
			kept = append(kept, m)
		}
		l.moments, l.exit = kept, harness.Exit{Outcome: harness.OutcomeAppCrash, Reason: "killed by signal 9"}
	}, outcomes: "ok ok app_crash", says: []string{
		"cannot be read: unexpected end of JSON input", "app_crash: killed by signal 9", "2 of 3 iterations measured",
	}, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}},
	{name: "an event of a newer app", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if inIteration(e, wire.Prefill, 1) {
				return []byte(strings.Replace(text, `"v":1`, `"v":2,"ns":{"value":1,"unit":"s"},"was":1`, 1))
			}
			return nil
		})
	}, outcomes: "ok invalid ok", says: []string{"written by a newer app (schema 2, this harness knows 1)"}, evidence: `"v":2`},
	{name: "an app that is newer throughout", do: func(l *launch) {
		l.lines(func(_ int, _ wire.Event, text string) []byte {
			return []byte(strings.Replace(text, `"v":1`, `"v":9`, 1))
		})
	}, outcomes: "invalid invalid invalid", says: []string{"schema 9", "0 of 3 iterations measured"}, without: []string{
		harness.DecodeTokS, harness.Energy, harness.LoadCold, harness.PeakFootprint,
	}, evidence: `"v":9`},
	{name: "an event of a kind that nobody knows", do: func(l *launch) {
		l.lines(func(_ int, e wire.Event, text string) []byte {
			if inIteration(e, wire.Sample, 1) {
				return []byte(strings.Replace(text, `"kind":"sample"`, `"kind":"holograph"`, 1))
			}
			return nil
		})
	}, figures: map[string]float64{harness.DecodeTokS: 1 / 0.3}, evidence: "holograph"},
	// Payloads.
	{name: "a payload that is no JSON", do: func(l *launch) { l.moments = append(l.moments, moment{at: 20, payload: []byte("soon")}) },
		says: []string{
			"metrickit-metric-1.json (4 bytes) is stored but could not be read: no JSON at byte",
		}, figures: map[string]float64{harness.Energy: 72}},
	{name: "a payload of 100 MB", do: func(l *launch) {
		big := append([]byte(`{"memoryMetrics":{"peakMemoryUsage":"`), bytes.Repeat([]byte("9"), 100<<20)...)
		l.moments = append(l.moments, moment{at: 20, payload: append(big, []byte(` kB"}}`)...)})
	}, says: []string{"metrickit-metric-1.json (104857643 bytes) is stored but could not be read: larger than 64 MiB"},
		figures: map[string]float64{harness.Energy: 72}},
}

func TestBadInput(t *testing.T) {
	for _, c := range badInputs {
		t.Run(c.name, func(t *testing.T) {
			l := newLaunch()
			c.do(l)
			wanted := 0
			for _, m := range l.moments {
				if m.line != nil {
					wanted++
				}
			}
			var host harness.Clock
			if c.host != nil {
				host = c.host()
			}
			f := carry(t, l, host)
			want := strings.ReplaceAll(c.outcomes+"|", "|", "")
			if want == "" {
				want = "ok ok ok"
			}
			assert.Equal(t, want, f.outcomes(), "iterations ended")
			for _, want := range c.says {
				assert.Contains(t, f.text, want, "the report does not say")
			}
			f.check(t, c)
			assert.Len(t, f.lines, wanted, "%d event lines are kept, %d came", len(f.lines), wanted)
			if t.Failed() || testing.Verbose() {
				t.Log(f.text)
			}
		})
	}
}

// check holds a run's figures and evidence against what a bad input must leave of them.
func (f told) check(t *testing.T, c badInput) {
	t.Helper()
	figure := func(metric string) reports.Figure {
		for _, one := range f.report.Cases[0].Figures {
			if one.Metric.Name == metric {
				return one
			}
		}
		return reports.Figure{Absent: "not in the report"}
	}
	for metric, want := range c.figures {
		if got := figure(metric); assert.Empty(t, got.Absent, metric) {
			assert.InEpsilon(t, want, *got.Summary.Median, 0.03, metric)
		}
	}
	for _, metric := range c.without {
		got := figure(metric)
		assert.NotEmpty(t, got.Absent, "%s = %s", metric, shown(got))
		assert.NotEqual(t, "not recorded", got.Absent, "%s is absent without a reason", metric)
	}
	found := c.evidence == ""
	for _, line := range f.lines {
		found = found || strings.Contains(line.Text, c.evidence)
	}
	assert.True(t, found, "no event line holds %q as it came", c.evidence)
	for _, m := range f.recorded.Sessions[0].Samples {
		assert.False(t, math.IsNaN(m.Value), "%s = %v became a sample", m.Metric, m.Value)
		assert.GreaterOrEqual(t, m.Value, 0.0, "%s = %v became a sample", m.Metric, m.Value)
	}
}

func shown(f reports.Figure) string {
	if f.Absent != "" {
		return "absent: " + f.Absent
	}
	return fmt.Sprint(*f.Summary.Median)
}
