package battery_test

import (
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/power"
	gauge "github.com/lilims/bench/runners/iphone/internal/battery"
	virtual "github.com/lilims/bench/virtualiphone/battery"
)

// The proof that energy is measured right: a virtual phone's gauge is read as any phone's is, in some of the runs over
// its diagnostics relay, and what package power makes of the readings is held against what the gauge's model has really
// drawn.

// session is one measured stretch on a virtual gauge: idling, work, and idling again.
type session struct {
	random   *rand.Rand
	clock    *turned
	gauge    *virtual.Gauge
	cpu      float64
	skew     time.Duration
	poll     time.Duration
	readings []harness.BatteryReading
	silent   bool     // the gauge gives no more answers
	conn     net.Conn // nil: entries are decoded without the relay in between
}

// turned is a clock that the test turns.
type turned struct{ Time time.Time }

func newTurned() *turned { return &turned{time.Date(2026, 11, 3, 4, 5, 6, 0, time.UTC)} }

func (c *turned) Now() time.Time { return c.Time }

// habits are how a session's phone makes it hard to read.
type habits struct {
	power   virtual.Power
	options virtual.Options
	relay   bool                    // read over the diagnostics relay
	plugged bool                    // held at the charge limit
	reboot  float64                 // s into the work; 0: none
	idle    float64                 // s before the work
	work    float64                 // s
	rate    func(t float64) float64 // CPU seconds a second, t seconds into the work
}

// quarter is the step of time: fine enough for work that flickers.
const quarter = 0.25

func newSession(t *testing.T, seed uint64, h habits) *session {
	t.Helper()
	s := &session{random: rand.New(rand.NewPCG(seed, 77)), clock: newTurned(), skew: h.options.Skew, poll: time.Second}
	s.clock.Time = s.clock.Time.Add(time.Duration(s.random.Float64() * float64(time.Second)))
	var err error
	s.gauge, err = virtual.New(s.clock, h.power, 12.98, func() float64 { return s.cpu }, h.options)
	require.NoError(t, err)
	if h.relay {
		s.serve(t)
	}
	s.gauge.SetExternal(h.plugged)
	return s
}

// serve puts the diagnostics relay between host and phone.
func (s *session) serve(t *testing.T) {
	host, phone := net.Pipe()
	s.conn = host
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.gauge.ServeRelay(t.Context(), phone)
	}()
	t.Cleanup(func() { host.Close(); phone.Close(); <-done })
}

// read reads the gauge as the runner does; without the relay, of an entry as the relay's property list would give it.
func (s *session) read() (harness.BatteryReading, error) {
	if s.conn != nil {
		return gauge.Read(s.conn, s.clock.Now())
	}
	return gauge.Decode(arrived(s.gauge.Registry()), s.clock.Now())
}

// arrived turns an entry's numbers into the types that a property list's reader gives.
func arrived(entry map[string]any) map[string]any {
	for key, value := range entry {
		switch v := value.(type) {
		case map[string]any:
			arrived(v)
		case int:
			entry[key] = arrivedInt(int64(v))
		case int64:
			entry[key] = arrivedInt(v)
		}
	}
	return entry
}

func arrivedInt(n int64) any {
	if n < 0 {
		return n
	}
	return uint64(n)
}

// pass lets time go by while the app uses rate CPU seconds a second, and polls meanwhile.
func (s *session) pass(t *testing.T, seconds float64, rate func(at float64) float64) {
	t.Helper()
	for at := 0.0; at < seconds; at += quarter {
		s.cpu += rate(at) * quarter
		s.clock.Time = s.clock.Time.Add(time.Second / 4)
		s.gauge.Advance()
		if n := len(s.readings); n > 0 && s.clock.Time.Sub(s.readings[n-1].At) < s.poll || s.silent {
			continue
		}
		reading, err := s.read()
		require.NoError(t, err)
		s.readings = append(s.readings, reading)
	}
}

func rest(float64) float64 { return 0 }

// measure runs the session and returns what is computed of it and the work's true energy, idle power included and not.
func (s *session) measure(t *testing.T, h habits) (figure power.Figure, gross, net float64, err error) {
	t.Helper()
	s.pass(t, 30, rest) // the host watches for a while before the idle window
	var request power.Request
	if h.idle > 0 {
		from := s.clock.Now()
		s.pass(t, h.idle, rest)
		s.awaitPublication(t)
		request.Idle = &power.Span{Begin: from.Add(s.skew), End: s.clock.Now().Add(s.skew)}
	}
	before, begin := s.gauge.Truth(), s.clock.Now()
	if h.reboot > 0 {
		s.pass(t, h.reboot, h.rate)
		s.gauge.Reboot()
		s.pass(t, h.work-h.reboot, func(at float64) float64 { return h.rate(at + h.reboot) })
	} else {
		s.pass(t, h.work, h.rate)
	}
	after, end := s.gauge.Truth(), s.clock.Now()
	s.pass(t, 40, rest)
	request.Readings, request.Work = s.readings, power.Span{Begin: begin.Add(s.skew), End: end.Add(s.skew)}
	// The engine takes a difference of the clocks that small for the delay of reading.
	if offset := -s.skew; offset > 5*time.Second || offset < -time.Second {
		request.ClockOffset = offset
	}
	figure, err = power.Measure(request)
	return figure, after.Joule - before.Joule, after.AppJoule - before.AppJoule, err
}

// awaitPublication idles until the gauge has published once more, as the engine does, so that no idle second is wasted.
func (s *session) awaitPublication(t *testing.T) {
	t.Helper()
	last := s.readings[len(s.readings)-1].SystemLoadCount
	for range 30 {
		s.pass(t, 1, rest)
		if now := s.readings[len(s.readings)-1].SystemLoadCount; now != nil && (last == nil || *now != *last) {
			return
		}
	}
}

// generation is CPU use that falls with heat and flickers.
func generation(random *rand.Rand) func(float64) float64 {
	peak, fall := 1+1.5*random.Float64(), 0.05+0.3*random.Float64()
	flicker := make([]float64, 4000)
	for i := 1; i < len(flicker); i++ {
		flicker[i] = 0.8*flicker[i-1] + 0.05*random.NormFloat64()
	}
	return func(at float64) float64 {
		return max(0, peak*(1-fall*(1-math.Exp(-at/60)))*(1+flicker[int(at/quarter)%len(flicker)]))
	}
}

// soak is five minutes of generation on a phone with every habit that is known of, by seed.
func soak(seed uint64) habits {
	random := rand.New(rand.NewPCG(seed, 3))
	h := habits{power: virtual.Defaults(), idle: 60, work: 300, rate: generation(random)}
	h.power.PublishEvery = time.Duration(5+15*random.Float64()) * time.Second
	h.power.NoiseMilliwatt = 12 + 70*random.Float64()
	h.power.IdleWatt = 0.3 + 0.5*random.Float64()
	h.relay, h.plugged = seed%20 == 0, seed%2 == 0
	h.options = virtual.Options{Seed: seed, Jitter: 0.3, Late: 8 * time.Second, Missing: 0.1, UnsignedWraps: seed%5 < 2}
	h.options.Skew = []time.Duration{0, 900 * time.Millisecond, -4 * time.Second, time.Hour, -26 * time.Hour}[seed%5]
	if seed%3 == 0 {
		h.options.Accumulated, h.options.Count = math.MaxUint64-random.Uint64N(900_000), math.MaxUint64-random.Uint64N(300)
	}
	if seed%4 == 1 {
		h.reboot = quarter * math.Round(h.work/quarter*(0.02+0.96*random.Float64()))
	}
	if seed%7 == 3 {
		h.options.Layout = virtual.LayoutInBatteryData
	}
	return h
}

// tally is what became of many runs.
type tally struct {
	covered       int
	errors, width []float64 // relative
}

func (c *tally) add(f power.Figure, truth float64) {
	off := math.Abs(f.Joules-truth) / truth
	c.errors, c.width = append(c.errors, off), append(c.width, f.Uncertainty/f.Joules)
	if math.Abs(f.Joules-truth) <= f.Uncertainty {
		c.covered++
	}
}

func (c *tally) median() float64 {
	sorted := slices.Sorted(slices.Values(c.width))
	return sorted[len(sorted)/2]
}

// TestEnergyAgainstTheVirtualPhonesTruth: over five minutes the estimate is within 2 % of what the phone has really
// drawn beyond idling, and the truth within the stated interval in at least 95 % of 200 runs, with counters that wrap
// and that start over, keys that are missing or have moved, publications that come late and repeatedly, and clocks that
// differ. The intervals must be narrow enough to say something.
func TestEnergyAgainstTheVirtualPhonesTruth(t *testing.T) {
	const runs = 200
	var c tally
	for seed := range uint64(runs) {
		h := soak(seed)
		f, _, truth, err := newSession(t, seed, h).measure(t, h)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, power.MethodGauge+"-net", f.Method, "seed %d: method %s (%v)", seed, f.Method, f.Notes)
		c.add(f, truth)
		off := math.Abs(f.Joules-truth) / truth
		assert.LessOrEqual(t, off, 0.02,
			"seed %d: %.1f J, truth %.1f J: off by %.2f %% (reboot %g, %v)", seed, f.Joules, truth, 100*off, h.reboot, f.Notes)
		if h.reboot > 0 {
			assert.Contains(t, strings.Join(f.Notes, " "), "reset", "seed %d: the reset is not told of", seed)
		}
	}
	t.Logf("within the interval: %d of %d; worst error %.2f %%; median half width %.2f %%, widest %.2f %%",
		c.covered, runs, 100*slices.Max(c.errors), 100*c.median(), 100*slices.Max(c.width))
	assert.GreaterOrEqual(t, c.covered, runs*95/100, "the truth lies within the interval in %d of %d runs", c.covered, runs)
	assert.LessOrEqual(t, c.median(), 0.02, "median half width %.2f %%: an interval that wide is no statement", 100*c.median())
}

// TestTheRelayChangesNothing: what the other runs leave out gives the same readings.
func TestTheRelayChangesNothing(t *testing.T) {
	h := soak(6)
	h.work, h.options.Missing = 60, 0
	direct := newSession(t, 6, h)
	h.relay = true
	relayed := newSession(t, 6, h)
	_, _, _, err := direct.measure(t, h)
	require.NoError(t, err)
	_, _, _, err = relayed.measure(t, h)
	require.NoError(t, err)
	if !reflect.DeepEqual(direct.readings, relayed.readings) {
		for i := range direct.readings {
			require.Equal(t, relayed.readings[i], direct.readings[i], "reading")
		}
		t.Fatalf("%d and %d readings", len(direct.readings), len(relayed.readings))
	}
}

// fallback is a session on a phone without accumulators, off its cable.
func fallback(seed uint64, layout virtual.Layout) habits {
	h := soak(seed)
	h.relay, h.plugged, h.reboot, h.idle, h.options.Layout = false, false, 0, 0, layout
	h.power.StartPercent = 30 + float64(seed%60)
	return h
}

// TestVoltageTimesCurrentAgainstTheTruth: snapshots miss what happens between them, and the interval says so.
func TestVoltageTimesCurrentAgainstTheTruth(t *testing.T) {
	const runs = 200
	var c tally
	for seed := range uint64(runs) {
		h := fallback(seed, virtual.LayoutNoTelemetry)
		if seed%2 == 0 {
			h.idle = 120
		}
		f, gross, net, err := newSession(t, seed, h).measure(t, h)
		require.NoError(t, err, "seed %d", seed)
		truth := gross
		switch {
		case f.Method == power.MethodVoltageCurrent+"-net":
			truth = net
		case f.Method != power.MethodVoltageCurrent:
			t.Fatalf("seed %d: method %s (%v)", seed, f.Method, f.Notes)
		}
		c.add(f, truth)
	}
	t.Logf(
		"within the interval: %d of %d; worst error %.2f %%; median half width %.2f %%", c.covered, runs, 100*slices.Max(c.errors),
		100*c.median(),
	)
	assert.GreaterOrEqual(t, c.covered, runs*95/100,
		"the truth lies within the interval in %d of %d runs; median half width %.2f %%", c.covered, runs, 100*c.median())
	assert.LessOrEqual(t, c.median(), 0.05,
		"the truth lies within the interval in %d of %d runs; median half width %.2f %%", c.covered, runs, 100*c.median())
}

// TestCapacityAgainstTheTruth: a quarter of an hour moves the capacity by enough steps.
func TestCapacityAgainstTheTruth(t *testing.T) {
	const runs = 200
	var c tally
	for seed := range uint64(runs) {
		h := fallback(seed, virtual.LayoutCapacityOnly)
		h.work, h.options.Missing = 900, 0
		s := newSession(t, seed, h)
		s.poll = 5 * time.Second
		f, gross, _, err := s.measure(t, h)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, power.MethodCapacity, f.Method, "seed %d: method %s (%v)", seed, f.Method, f.Notes)
		c.add(f, gross)
	}
	t.Logf(
		"within the interval: %d of %d; worst error %.2f %%; median half width %.2f %%", c.covered, runs, 100*slices.Max(c.errors),
		100*c.median(),
	)
	assert.GreaterOrEqual(t, c.covered, runs*95/100,
		"the truth lies within the interval in %d of %d runs; median half width %.2f %%", c.covered, runs, 100*c.median())
	assert.LessOrEqual(t, c.median(), 0.05,
		"the truth lies within the interval in %d of %d runs; median half width %.2f %%", c.covered, runs, 100*c.median())
}

// TestRefusals: what must not become a figure, with its reason.
func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*habits, *session)
		during func(*session)
		want   string
	}{
		"charging from the start": {func(h *habits, s *session) { s.gauge.SetPercent(40); s.gauge.SetExternal(true) }, nil, "was charging"},
		"charging begins midway":  {nil, func(s *session) { s.gauge.SetPercent(40); s.gauge.SetExternal(true) }, "was charging in"},
		"charging ends midway": {func(
			h *habits, s *session,
		) {
			s.gauge.SetPercent(40)
			s.gauge.SetExternal(true)
		}, func(s *session) { s.gauge.SetExternal(false) }, "was charging in"},
		"too short":         {func(h *habits, s *session) { h.work = 8 }, nil, "resolution: the work took 8.0 s"},
		"gauge goes silent": {nil, func(s *session) { s.silent = true }, "cover"},
	} {
		t.Run(name, func(t *testing.T) {
			h := soak(4)
			h.plugged, h.power.HoldPercent = false, 95
			s := newSession(t, 4, h)
			if c.change != nil {
				c.change(&h, s)
			}
			if c.during != nil {
				steady := h.rate
				var done bool
				h.rate = func(at float64) float64 {
					if at > h.work*0.4 && !done {
						done = true
						c.during(s)
					}
					return steady(at)
				}
			}
			f, _, _, err := s.measure(t, h)
			var refusal *power.Refusal
			require.ErrorAs(t, err, &refusal, "%+v", f)
			assert.Contains(t, refusal.Reason, c.want, "%+v", f)
		})
	}
}

// TestAWrongScaleIsFound: were the accumulators of a phone in another unit than is assumed, the check against voltage
// times current would tell.
func TestAWrongScaleIsFound(t *testing.T) {
	for _, scale := range []float64{1, 1 / 3.6, 3.6, 0.8} {
		h := soak(9)
		h.plugged, h.reboot, h.options.Scale = false, 0, scale
		f, _, _, err := newSession(t, 9, h).measure(t, h)
		require.NoError(t, err, "scale %g", scale)
		found := false
		for _, check := range f.Checks {
			if check.Method != power.MethodVoltageCurrent {
				continue
			}
			found = true
			assert.InEpsilon(t, scale, check.Ratio, 0.05, "scale %g: ratio %.3f, disagrees: %v", scale, check.Ratio, check.Disagrees())
			assert.Equal(t, scale != 1, check.Disagrees(), "scale %g: ratio %.3f, disagrees: %v", scale, check.Ratio, check.Disagrees())
		}
		assert.True(t, found, "scale %g: no check against voltage times current: %+v", scale, f.Checks)
	}
}
