package simulated

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
	"github.com/lilims/bench/runners/runnertest"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func profiles() []harness.DeviceProfile {
	return []harness.DeviceProfile{
		{Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", Chip: "A16 Bionic", BatteryWh: 12.98},
		{Name: "iPhone17Pro", Marketing: "iPhone 17 Pro", ProductType: "iPhone18,1", Chip: "A19 Pro", BatteryWh: 15.5},
	}
}

func TestContract(t *testing.T) {
	runnertest.Run(t, func(t *testing.T) (harness.Runner, runnertest.Fixture) {
		app := t.TempDir() + "/app"
		require.NoError(t, os.WriteFile(app, []byte("app"), 0o755))
		return New(Options{Profiles: profiles(), Count: 2, Start: start, CV: 0.02}), runnertest.Fixture{
			Build: harness.Build{Arm: harness.ArmCandidate, Path: app, Hash: "c0"}, Model: runnertest.Model(t, 1<<20), Battery: true, Torn: true,
		}
	})
}

// pace runs ten minutes of generation and returns tokens/s in the windows that end at the given seconds.
func pace(t *testing.T, profile harness.DeviceProfile, model harness.Model, ends ...float64) []float64 {
	t.Helper()
	r := New(Options{Profiles: []harness.DeviceProfile{profile}, Start: start})
	devices, _ := r.Devices(context.Background())
	s, err := r.Open(context.Background(), devices[0])
	require.NoError(t, err)
	var stamps []int64
	sink := &tokenSink{take: func(ns []int64) { stamps = append(stamps, ns...) }}
	_, err = s.Run(context.Background(), harness.Task{Run: "r", Session: "s", Model: model, Scenario: harness.Scenario{
		PromptTokens: 16, GenerateTokens: 128, Duration: 10 * time.Minute,
	}}, sink)
	require.NoError(t, err)
	out := make([]float64, len(ends))
	for i, end := range ends {
		for _, ns := range stamps {
			if at := float64(ns-stamps[0]) / 1e9; at >= end-5 && at < end {
				out[i] += 1.0 / 5
			}
		}
	}
	return out
}

type tokenSink struct{ take func([]int64) }

func (s *tokenSink) Line(number int, text []byte) {
	if line := wire.DecodeLine(number, text); line.Event != nil && line.Event.Kind == wire.Tokens {
		s.take(line.Event.At)
	}
}
func (s *tokenSink) Battery(harness.BatteryReading) {}
func (s *tokenSink) Sample(harness.Sample)          {}
func (s *tokenSink) Notice(harness.Progress)        {}
func (s *tokenSink) Note(string, string)            {}
func (s *tokenSink) Payload(string, []byte)         {}

// TestRetentionHasThePublishedShape: a large model loses most of what it loses in the first minute or two and keeps 55
// to 75 % after five, a small one keeps nearly all.
func TestRetentionHasThePublishedShape(t *testing.T) {
	large := pace(t, profiles()[1], harness.Model{SizeBytes: 2 << 30, Quantization: "int4"}, 10, 60, 300, 600)
	at60, at300, at600 := large[1]/large[0], large[2]/large[0], large[3]/large[0]
	t.Logf("large model: %.1f tok/s at 10 s; of it %.2f at 60 s, %.2f at 300 s, %.2f at 600 s", large[0], at60, at300, at600)
	assert.False(t, at60 > 0.95 || at60 < 0.6 || at300 < 0.5 || at300 > 0.75 || at600 > at300 || at300 > at60,
		"retention %.2f, %.2f, %.2f has another shape than phones have", at60, at300, at600)
	small := pace(t, profiles()[1], harness.Model{SizeBytes: 3 << 20}, 10, 300)
	t.Logf("small model: %.1f tok/s at 10 s; of it %.2f at 300 s", small[0], small[1]/small[0])
	assert.GreaterOrEqual(t, small[1]/small[0], 0.95, "a model of 3 MB keeps only %.2f after five minutes", small[1]/small[0])
}

func TestWorldKeepsItsEnergy(t *testing.T) {
	w := newWorld(profiles()[0], 1, start, Options{})
	w.busy = 1
	before, sum, count := w.charge, w.sum, w.count
	w.move(10 * time.Minute)
	drawn := before - w.charge
	summed := float64(w.sum-sum) / 1000
	assert.Equal(t, uint64(600), w.count-count,
		"the battery lost %.1f J, the gauge summed %.1f J in %d samples", drawn, summed, w.count-count)
	assert.InDelta(t, summed, drawn, 0.01*drawn,
		"the battery lost %.1f J, the gauge summed %.1f J in %d samples", drawn, summed, w.count-count)
	require.GreaterOrEqual(t, w.state.Rank(), harness.ThermalFair.Rank(), "ten minutes at full load: %s, case at %.1f °C", w.state, w.shell)
	assert.LessOrEqual(t, w.shell, 48.0, "ten minutes at full load: %s, case at %.1f °C", w.state, w.shell)
	w.busy = 0
	w.move(time.Hour)
	assert.Equal(t, harness.ThermalNominal, w.state, "after an hour of rest the device is %s, case at %.1f °C", w.state, w.shell)
}

func TestClock(t *testing.T) {
	c := NewClock(start)
	early, late := c.After(time.Minute), c.After(time.Hour)
	err := c.Sleep(context.Background(), 2*time.Minute)
	require.NoError(t, err, "Sleep() = %v, now %v", err, c.Now())
	require.True(t, c.Now().Equal(start.Add(2*time.Minute)), "Sleep() = %v, now %v", err, c.Now())
	select {
	case <-early:
	default:
		t.Error("a timer that is due did not fire")
	}
	select {
	case <-late:
		t.Error("a timer fired early")
	default:
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-late; cancel() }()
	c.Idle(ctx)
	assert.True(t, c.Now().Equal(start.Add(time.Hour)), "Idle() ended at %v, want the next timer's time", c.Now())
	require.Error(t, c.Sleep(ctx, time.Second), "Sleep() with an ended context gives no error")
}

func TestParseFault(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "crash@token:3": true, "garble@line:1": true, "exit@load": true,
		"crash": false, "crash@line:3": false, "crash@token": false, "crash@token:0": false, "exit@load:3": false, "melt@token:1": false,
		"crash@token:x": false,
	} {
		_, err := ParseFault(text)
		assert.Equal(t, ok, err == nil, "ParseFault(%q)", text)
	}
}
