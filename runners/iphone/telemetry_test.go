package iphone_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

// relay is the service by which a phone shows its battery.
const relay = "com.apple.mobile.diagnostics_relay"

// gated is a launch that waits for "go" and is sampled meanwhile.
func gated(t *testing.T) harness.Task {
	job := task("gated", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
	job.TelemetryInterval = 20 * time.Millisecond
	return job
}

// TestAGaugeThatGoesSilent: the launch goes on, the trouble and its end are told of once each, readings go on after it.
func TestAGaugeThatGoesSilent(t *testing.T) {
	for name, fault := range map[string]faults.Fault{
		"answers with an error": {Service: relay, Kind: faults.Reply, Error: "Failure"},
		"does not start":        {Service: relay, Kind: faults.Refuse, Error: "InvalidService"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			s, p := b.ready("")
			sink := newRecord()
			go func() {
				sink.await("readings", func() bool { return len(sink.readings) > 2 })
				if fault.Kind == faults.Refuse { // the connection that is open must end before
					assert.NoError(t, p.SetFault(faults.Fault{Service: relay, Kind: faults.Reply, Error: "Failure", Times: 1}))
				}
				assert.NoError(t, p.SetFault(fault))
				sink.await("the trouble is told of", func() bool { return len(sink.notes) == 1 })
				before := len(sink.readings)
				p.Faults().Clear(faults.Any)
				sink.await("readings go on", func() bool { return len(sink.readings) > before+2 })
				allow(t, p, "go")
			}()
			exit, err := s.Run(t.Context(), gated(t), sink)
			require.NoError(t, err, "exit")
			require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
			require.Len(t, sink.notes, 2)
			require.Contains(t, sink.notes[0], "telemetry: the battery's gauge cannot be read: ", "notes")
			assert.Contains(t, sink.notes[1], "can be read again", "notes")
			sink.gapless(t)
		})
	}
}

// TestChargingThatBeginsAndEnds in the middle of a launch is in the readings, so that no energy is made of them.
func TestChargingThatBeginsAndEnds(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	last := func(charging bool) func() bool {
		return func() bool {
			n := len(sink.readings)
			return n > 0 && sink.readings[n-1].Charging != nil && *sink.readings[n-1].Charging == charging
		}
	}
	go func() {
		for _, percent := range []float64{80, 40, 80} {
			assert.NoError(t, p.Gauge().SetPercent(percent))
			sink.await("the gauge says so", last(percent == 40))
		}
		allow(t, p, "go")
	}()
	exit, err := s.Run(t.Context(), gated(t), sink)
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit = %+v, %v, notes %q", exit, err, sink.notes)
	require.Empty(t, sink.notes, "exit = %+v, %v, notes %q", exit, err, sink.notes)
	var story []bool
	for _, r := range sink.readings {
		if n := len(story); n == 0 || story[n-1] != *r.Charging {
			story = append(story, *r.Charging)
		}
	}
	require.GreaterOrEqual(t, len(story), 3, "charging")
	require.True(t, story[len(story)-2], "charging")
	assert.False(t, story[len(story)-1], "charging")
}

// TestTelemetryOfABusyPhone: behind a slow cable, with messages in fragments, samples and lines both arrive.
func TestTelemetryOfABusyPhone(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{
		Instruments: faults.Instruments{FragmentBytes: 200, EmptyOutput: true}, Battery: battery.Options{Missing: 0.3, UnsignedWraps: true},
	})
	s := b.open(b.device(0))
	_, err := s.Prepare(t.Context(), testBuild(t, ""), testModel(t, 3000), nil)
	require.NoError(t, err)
	p.SetLink(faults.Link{RTT: 40 * time.Millisecond, BytesPerSecond: 1 << 20})
	sink := newRecord()
	go func() {
		sink.await("samples of both", func() bool { return len(sink.readings) > 3 && len(sink.samples) > 10 })
		allow(t, p, "go")
	}()
	exit, err := s.Run(t.Context(), gated(t), sink)
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit = %+v, %v, notes %q", exit, err, sink.notes)
	require.Empty(t, sink.notes, "exit = %+v, %v, notes %q", exit, err, sink.notes)
	sink.gapless(t)
	for _, m := range sink.samples {
		assert.Positive(t, m.Value, "sample")
	}
}

// TestAPhoneWithoutFootprints: the launch goes on without, and says why.
func TestAPhoneWithoutFootprints(t *testing.T) {
	b := newBench(t)
	p := b.phone("", virtualiphone.PhoneOptions{Instruments: faults.Instruments{NoFootprints: true}})
	s := b.open(b.device(0))
	_, err := s.Prepare(t.Context(), testBuild(t, ""), testModel(t, 3000), nil)
	require.NoError(t, err)
	sink := newRecord()
	go func() {
		sink.await("readings", func() bool { return len(sink.readings) > 1 })
		allow(t, p, "go")
	}()
	exit, err := s.Run(t.Context(), gated(t), sink)
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit = %+v, %v, %d samples", exit, err, len(sink.samples))
	require.Empty(t, sink.samples, "exit = %+v, %v, %d samples", exit, err, len(sink.samples))
	require.Len(t, sink.notes, 1)
	assert.Contains(t, sink.notes[0], "the process's memory cannot be sampled", "notes")
}
