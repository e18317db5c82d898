package block

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/internal/launchtest"
)

var start = launchtest.Start

// recorded is a launch as an app writes it and a host folds it.
func recorded(t testing.TB, iterations, tokens int, jitter time.Duration, ticks bool, seed uint64) Session {
	t.Helper()
	return sessionOf(launchtest.Record(launchtest.Shape{
		ID: "s000-candidate", Iterations: iterations, Tokens: tokens, Jitter: jitter, Ticks: ticks, Seed: seed,
	}))
}

func sessionOf(y launchtest.Yield) Session {
	return Session{Lines: y.Lines, Iterations: y.Iterations, Samples: y.Samples, Battery: y.Battery, Absences: y.Absences,
		Notices: []Notice{{Place: 7, Notice: y.Notice}}}
}

func folded(texts []string, random *rand.Rand) Session {
	return sessionOf(launchtest.Fold("s000-candidate", texts, random))
}

func roundTrip(t *testing.T, s Session) []byte {
	t.Helper()
	data, err := Encode(s)
	require.NoError(t, err)
	got, err := Decode(data, "s000-candidate")
	require.NoError(t, err)
	for i := range s.Lines {
		require.Equal(t, s.Lines[i], got.Lines[i], "line")
	}
	for name, pair := range map[string][2]any{"iterations": {
		got.Iterations, s.Iterations,
	}, "samples": {got.Samples, s.Samples}, "battery": {got.Battery, s.Battery},
		"absences": {got.Absences, s.Absences}, "notices": {got.Notices, s.Notices}} {
		require.Equal(t, pair[1], pair[0], "%s come back as\n%+v, want\n%+v", name, pair[0], pair[1])
	}
	return data
}

func TestALaunchComesBack(t *testing.T) {
	for name, s := range map[string]Session{
		"a phone":        recorded(t, 11, 128, 500*time.Microsecond, true, 1),
		"a host's clock": recorded(t, 11, 128, 4*time.Microsecond, false, 2),
		"one token":      recorded(t, 3, 1, time.Microsecond, true, 3),
		"nothing":        {},
		"lines that make no sense": folded([]string{
			"", "{", `{"v":1,"kind":"tokens","iteration":0,"ids":[1],"at":[]}`, "\x00\xff\n", `{"at_ns":9223372036854775807}`,
			`{"at_ns":-9223372036854775808,"at":[5]}`,
		}, rand.New(rand.NewPCG(1, 1))),
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
			{Session: "s000-candidate", Index: -4, Outcome: "ok", BeginNs: math.MinInt64, TokenIDs: []int32{
				math.MinInt32, math.MaxInt32,
			}, TokenNs: []int64{math.MaxInt64, math.MinInt64, 0}},
			{Session: "s000-candidate", Index: 3, Outcome: "invalid", Reason: "why\x00not", EndNs: &one, FirstTokenNs: &one, PrefillNs: &one,
				Thermal: &thermal, Text: "a\"\n\x00🙂"},
		},
		Battery: []harness.BatteryReading{{At: start, Raw: none}, {At: start.Add(-time.Hour), Raw: "not JSON"}},
	}
	for _, v := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 1e-9, 1.5e9, 1 << 53, 1e300, -1e-300, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1),
		123456789.123456789,
	} {
		s.Samples = append(s.Samples, harness.Sample{
			Session: "s000-candidate", Metric: "m", Unit: "u", Value: v, Source: "app", At: start, Iteration: &index, DeviceNs: &one,
			Uncertainty: &v,
		})
	}
	roundTrip(t, s)
}

func TestDocumentsComeBack(t *testing.T) {
	texts := []string{`{"id":"s001","planned":{"pair":3},"at":"2026-11-27T03:00:00Z"}`, "", "not JSON", `{"id":"s001"}`}
	data, err := EncodeTexts(texts...)
	require.NoError(t, err)
	got, err := DecodeTexts(data)
	require.NoError(t, err, "DecodeTexts()")
	assert.Equal(t, texts, got, "DecodeTexts()")
}

func TestATextComesBack(t *testing.T) {
	for _, text := range []string{"", strings.Repeat(`{"id":"s003","pair":3}`, 1000)} {
		data, err := EncodeText(text)
		require.NoError(t, err)
		got, err := DecodeText(data)
		require.NoError(t, err, "%d bytes come back as %d, by way", len(text), len(got))
		assert.Equal(t, text, got, "%d bytes come back as %d, by way", len(text), len(got))
		if len(text) > 0 {
			assert.LessOrEqual(t, len(data), len(text)/50, "%d bytes come back as %d, by way", len(text), len(got))
		}
	}
}

// TestDamageIsTold spoils each byte.
func TestDamageIsTold(t *testing.T) {
	data := roundTrip(t, recorded(t, 2, 8, time.Microsecond, true, 4))
	for i := range data {
		spoilt := bytes.Clone(data)
		spoilt[i] ^= 0x41
		_, err := Decode(spoilt, "")
		require.Error(t, err, "byte %d of %d may be anything", i, len(data))
	}
	for n := range data {
		_, err := Decode(data[:n], "")
		require.Error(t, err, "%d of %d bytes are enough", n, len(data))
	}
	_, err := Decode(append([]byte{version + 1}, data[1:]...), "")
	require.Error(t, err, "a newer block")
	require.NotErrorIs(t, err, ErrTorn, "a newer block")
	require.ErrorContains(t, err, "version 2; this bench knows 1", "a newer block")
}

// FuzzOpen reads damaged blocks as if their checksums were right: no damage may make it panic or ask for much memory.
func FuzzOpen(f *testing.F) {
	for seed := range uint64(3) {
		data, err := Encode(recorded(f, 2, 20, time.Microsecond, seed == 0, seed))
		require.NoError(f, err)
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
	require.NoError(b, err)
	for b.Loop() {
		if _, err := Decode(data, "s"); err != nil {
			b.Fatal(err)
		}
	}
}
