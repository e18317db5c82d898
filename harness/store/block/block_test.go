package block

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

var start = time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)

// recorded is a launch as an app writes it and a host folds it: iterations of `tokens` tokens, a stamp's jitter of
// `jitter`, on a clock that counts ticks or nanoseconds.
func recorded(t testing.TB, iterations, tokens int, jitter time.Duration, ticks bool, seed uint64) Session {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	var texts []string
	now := int64(3_000_000_000_000)
	stamp := func(after time.Duration) int64 {
		now += int64(after)
		if ticks {
			now = nsOf(now * tickDenominator / tickNumerator)
		}
		return now
	}
	line := func(format string, args ...any) {
		texts = append(texts, fmt.Sprintf(`{"v":1,"seq":%d,"at_ns":%d,%s}`, len(texts), stamp(time.Duration(5000+random.IntN(3000))), fmt.Sprintf(format, args...)))
	}
	line(`"kind":"hello","session":"s000-candidate","agent":"1.1.0","pid":4321,"bundle_id":"org.lilims.bench","revision":"0123abc","configuration":"Release","backend":"coreml","compute_units":"all","os":"Version 18.6 (Build 22G86)","machine":"iPhone15,4","memory_bytes":6442450944,"low_power":false,"unix_ns":%d`, start.UnixNano())
	line(`"kind":"thermal","state":"nominal"`)
	line(`"kind":"load","regime":"warm","ns":812345678,"model":"smollm2-135m-int4","model_hash":"%064x","model_bytes":102187223`, 7)
	ids := make([]int, tokens)
	for i := range ids {
		ids[i] = random.IntN(49152)
	}
	for i := range iterations {
		line(`"kind":"iteration_begin","iteration":%d,"warmup":%v,"prompt_tokens":16`, i, i == 0)
		prefill := 150*time.Millisecond + time.Duration(random.NormFloat64()*float64(jitter))
		stamp(prefill)
		line(`"kind":"prefill","iteration":%d,"prompt_tokens":16,"ns":%d`, i, prefill)
		text := ""
		for first := 0; first < tokens; {
			count := min(16, tokens-first)
			if first == 0 {
				count = 1
			}
			var at, of []string
			words := ""
			for k := range count {
				at = append(at, fmt.Sprint(stamp(25*time.Millisecond+time.Duration(random.NormFloat64()*float64(jitter)))))
				of = append(of, fmt.Sprint(ids[first+k]))
				words += fmt.Sprintf(" w%d", ids[first+k]%997)
			}
			line(`"kind":"tokens","iteration":%d,"first":%d,"ids":[%s],"at":[%s],"text":"%s"`, i, first, strings.Join(of, ","), strings.Join(at, ","), words)
			text += words
			first += count
			if first%48 == 1 {
				line(`"kind":"sample","iteration":%d,"metric":"footprint_bytes","value":%d,"unit":"B","phase":"decode"`, i, 210_000_000+16384*random.IntN(3))
			}
		}
		line(`"kind":"iteration_end","iteration":%d,"outcome":"ok","reason":"length","count":%d,"text":"%s"`, i, tokens, text)
	}
	line(`"kind":"end","count":%d,"reason":"complete"`, iterations)
	return folded(texts, random)
}

func folded(texts []string, random *rand.Rand) Session {
	var s Session
	fold := wire.NewFold(wire.Expect{Session: "s000-candidate"})
	at := start
	for i, text := range texts {
		if i%7 == 0 {
			at = at.Add(time.Duration(200_000_000 + random.IntN(50_000_000)))
		}
		s.Lines = append(s.Lines, harness.EventLine{Session: "s000-candidate", Number: i + 1, Text: text, At: at})
		y := fold.Add(wire.DecodeLine(i+1, []byte(text)), at)
		s.Iterations = append(s.Iterations, y.Iterations...)
		s.Samples = append(s.Samples, y.Samples...)
	}
	accumulated, count := int64(123_456_789), int64(40_000)
	for i := range 30 {
		at := start.Add(time.Duration(i)*time.Second + time.Duration(random.IntN(3_000_000)))
		if i%20 == 0 {
			accumulated, count = accumulated+3200*20+int64(random.IntN(900)), count+20
		}
		update, voltage, energy := start.Unix()+int64(i/20*20), int64(3987), uint64(accumulated)*10/36
		s.Battery = append(s.Battery, harness.BatteryReading{At: at, UpdateTime: &update, VoltageMillivolt: &voltage, AccumulatedEnergy: &energy,
			Raw: fmt.Sprintf(`{"Amperage":-812,"UpdateTime":%d,"Voltage":3987,"PowerTelemetryData":{"AccumulatedSystemLoad":%d,"SystemLoad":%d,"SystemLoadAccumulatorCount":%d}}`, update, accumulated, 3000+i/20, count)})
		doubt := 8192.0
		s.Samples = append(s.Samples, harness.Sample{Session: "s000-candidate", Metric: "host_footprint_bytes", Value: 211_000_000, Unit: "B", At: at, Source: harness.SourceHost, Method: "sysmontap", Uncertainty: &doubt})
	}
	s.Absences = []harness.Absence{{Session: "s000-candidate", Metric: "retention_60s", Reason: "too short"}}
	s.Notices = []Notice{{Place: 7, Notice: harness.Notice{Session: "s000-candidate", What: "wait", Text: "10 s for the gauge", At: start}}}
	return s
}

func roundTrip(t *testing.T, s Session) []byte {
	t.Helper()
	data, err := Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data, "s000-candidate")
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Lines {
		if got.Lines[i] != s.Lines[i] {
			t.Fatalf("line %d = %+v, want %+v", i, got.Lines[i], s.Lines[i])
		}
	}
	for name, pair := range map[string][2]any{"iterations": {got.Iterations, s.Iterations}, "samples": {got.Samples, s.Samples}, "battery": {got.Battery, s.Battery},
		"absences": {got.Absences, s.Absences}, "notices": {got.Notices, s.Notices}} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Fatalf("%s come back as\n%+v, want\n%+v", name, pair[0], pair[1])
		}
	}
	return data
}

func TestALaunchComesBack(t *testing.T) {
	for name, s := range map[string]Session{
		"a phone":                  recorded(t, 11, 128, 500*time.Microsecond, true, 1),
		"a host's clock":           recorded(t, 11, 128, 4*time.Microsecond, false, 2),
		"one token":                recorded(t, 3, 1, time.Microsecond, true, 3),
		"nothing":                  {},
		"lines that make no sense": folded([]string{"", "{", `{"v":1,"kind":"tokens","iteration":0,"ids":[1],"at":[]}`, "\x00\xff\n", `{"at_ns":9223372036854775807}`, `{"at_ns":-9223372036854775808,"at":[5]}`}, rand.New(rand.NewPCG(1, 1))),
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, s) })
	}
}

// TestOddValuesComeBack has everything that no app writes.
func TestOddValuesComeBack(t *testing.T) {
	one, none := int64(1), ""
	thermal, index := harness.ThermalState("serious"), 3
	s := Session{
		Iterations: []harness.Iteration{
			{Session: "s000-candidate", Index: -4, Outcome: "ok", BeginNs: math.MinInt64, TokenIDs: []int32{math.MinInt32, math.MaxInt32}, TokenNs: []int64{math.MaxInt64, math.MinInt64, 0}},
			{Session: "s000-candidate", Index: 3, Outcome: "invalid", Reason: "why\x00not", EndNs: &one, FirstTokenNs: &one, PrefillNs: &one, Thermal: &thermal, Text: "a\"\n\x00🙂"},
		},
		Battery: []harness.BatteryReading{{At: start, Raw: none}, {At: start.Add(-time.Hour), Raw: "not JSON"}},
	}
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-9, 1.5e9, 1 << 53, 1e300, -1e-300, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), 123456789.123456789} {
		s.Samples = append(s.Samples, harness.Sample{Session: "s000-candidate", Metric: "m", Unit: "u", Value: v, Source: "app", At: start, Iteration: &index, DeviceNs: &one, Uncertainty: &v})
	}
	roundTrip(t, s)
}

func TestDocumentsComeBack(t *testing.T) {
	texts := []string{`{"id":"s001","planned":{"pair":3},"at":"2026-11-27T03:00:00Z"}`, "", "not JSON", `{"id":"s001"}`}
	data, err := EncodeTexts(texts...)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeTexts(data); err != nil || !reflect.DeepEqual(got, texts) {
		t.Errorf("DecodeTexts() = %q, %v", got, err)
	}
}

// TestDamageIsTold spoils each byte.
func TestDamageIsTold(t *testing.T) {
	data := roundTrip(t, recorded(t, 2, 8, time.Microsecond, true, 4))
	for i := range data {
		spoilt := bytes.Clone(data)
		spoilt[i] ^= 0x41
		if _, err := Decode(spoilt, ""); err == nil {
			t.Fatalf("byte %d of %d may be anything", i, len(data))
		}
	}
	for n := range data {
		if _, err := Decode(data[:n], ""); err == nil {
			t.Fatalf("%d of %d bytes are enough", n, len(data))
		}
	}
	if _, err := Decode(append([]byte{version + 1}, data[1:]...), ""); err == nil || errors.Is(err, ErrTorn) || !strings.Contains(err.Error(), "version 2; this bench knows 1") {
		t.Errorf("a newer block: %v", err)
	}
}

// FuzzOpen reads damaged blocks as if their checksums were right: no damage may make it panic or ask for much memory.
func FuzzOpen(f *testing.F) {
	for seed := range uint64(3) {
		data, err := Encode(recorded(f, 2, 20, time.Microsecond, seed == 0, seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[5:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		open(body, func(fl *flow) error {
			_, err := fl.session("s", Session{})
			return err
		})
	})
}

// BenchmarkIteration says what an iteration of 128 tokens takes, evidence and all, and what of it is the stamps' own
// noise: the least that any code can do.
func BenchmarkIteration(b *testing.B) {
	for name, ticks := range map[string]bool{"ticks": true, "nanoseconds": false} {
		for _, jitter := range []time.Duration{4 * time.Microsecond, 100 * time.Microsecond, 500 * time.Microsecond} {
			b.Run(fmt.Sprintf("%s/jitter=%v", name, jitter), func(b *testing.B) {
				s := recorded(b, 10, 128, jitter, ticks, 1)
				size := 0
				for b.Loop() {
					data, err := Encode(s)
					if err != nil {
						b.Fatal(err)
					}
					size = len(data)
				}
				grain := 1.0
				if ticks {
					grain = float64(tickNumerator) / tickDenominator
				}
				noise := 128 * math.Log2(float64(jitter)/grain*math.Sqrt(2*math.Pi*math.E)) / 8
				b.ReportMetric(float64(size)/10, "B/iteration")
				b.ReportMetric(float64(size)/10/noise, "x-noise")
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := Encode(recorded(b, 10, 128, 100*time.Microsecond, true, 1))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Decode(data, "s"); err != nil {
			b.Fatal(err)
		}
	}
}
