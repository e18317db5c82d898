package power

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func ptr[T any](v T) *T { return &v }

var origin = time.Unix(1_790_000_000, 0).UTC()

func at(seconds float64) time.Time {
	return origin.Add(time.Duration(seconds * float64(time.Second)))
}

// phone is a synthetic gauge whose true energy is known: power in W second by second, sampled as firmware does.
type phone struct {
	random  *rand.Rand
	power   func(t float64) float64 // W at a time in s
	every   float64                 // s between publications, about
	wrap    bool                    // counters start just below 2^64
	resetAt float64                 // s; counters start over
	missing float64                 // share of readings without the accumulators
	late    float64                 // s, longest delay from a publication to its appearance
	idle    float64                 // s of idling before the work
	work    float64                 // s
	after   float64
}

// run returns the readings of a host that polls once a second, and the true energy of the work beyond idling at the
// level, in fine steps.
func (p phone) run(idleWatts float64) (Request, float64) {
	const step = 0.01
	var sum, count uint64
	if p.wrap {
		sum, count = math.MaxUint64-20_000, math.MaxUint64-30
	}
	type dictionary struct {
		update     int64
		visible    float64
		sum, count uint64
		mw         int64
	}
	var published []dictionary
	end := p.idle + p.work + p.after
	begin := p.idle + p.random.Float64()*3 // the first iteration begins a load after the launch
	next, nextSecond := p.random.Float64()*p.every, p.random.Float64()
	truth := 0.0
	for t := 0.0; t < end; t += step {
		w := p.power(t)
		if t >= begin && t < p.idle+p.work {
			truth += w * step
		}
		if t < nextSecond {
			continue
		}
		nextSecond++
		if p.resetAt > 0 && t > p.resetAt {
			sum, count, p.resetAt = 0, 0, 0
		}
		sum += uint64(w * 1000)
		count++
		if t >= next {
			published = append(published, dictionary{
				int64(math.Floor(t)) + origin.Unix(), t + p.random.Float64()*p.late, sum, count, int64(w * 1000),
			})
			next = t + p.every*(0.7+0.6*p.random.Float64())
		}
	}
	r := Request{Work: Span{at(begin), at(p.idle + p.work)}}
	if p.idle > 0 {
		r.Idle = &Span{at(0), at(p.idle)}
	}
	for t := 0.3; t < end; t++ {
		var d *dictionary
		for i := range published {
			if published[i].visible <= t {
				d = &published[i]
			}
		}
		if d == nil {
			continue
		}
		reading := harness.BatteryReading{At: at(t), UpdateTime: &d.update, SystemLoadMilliwatt: &d.mw}
		if p.random.Float64() >= p.missing {
			reading.AccumulatedSystemLoad, reading.SystemLoadCount = &d.sum, &d.count
		}
		r.Readings = append(r.Readings, reading)
	}
	return r, truth - idleWatts*r.Work.Seconds()
}

// soak is a five-minute generation: idle, a load, work whose power falls with heat and flickers, idle again.
func soak(seed uint64) (phone, float64) {
	random := rand.New(rand.NewPCG(seed, 99))
	idle := 0.4 + 0.6*random.Float64()
	peak, fall := 3+3*random.Float64(), 0.05+0.3*random.Float64()
	flicker := make([]float64, 4000)
	for i := 1; i < len(flicker); i++ {
		flicker[i] = 0.8*flicker[i-1] + 0.05*random.NormFloat64()
	}
	const before, work = 60.0, 300.0
	p := phone{random: random, every: 10 + 10*random.Float64(), idle: before, work: work, after: 40, late: 8, missing: 0.1}
	p.wrap = seed%3 == 0
	if seed%4 == 1 {
		p.resetAt = before + work*random.Float64()
	}
	p.power = func(t float64) float64 {
		if t < before || t > before+work {
			return idle * (1 + 0.1*flicker[int(t*4)%len(flicker)])
		}
		return peak * (1 - fall*(1-math.Exp(-(t-before)/60))) * (1 + flicker[int(t*4)%len(flicker)])
	}
	return p, idle
}

// TestGaugeAgainstKnownTruth: over five minutes the estimate is within 2 % of the truth, and the truth within the stated
// interval in at least 95 % of 200 runs, with wraps, resets, missing keys and late updates.
func TestGaugeAgainstKnownTruth(t *testing.T) {
	const runs = 200
	covered, worst, widths := 0, 0.0, 0.0
	for seed := range uint64(runs) {
		p, idle := soak(seed)
		request, truth := p.run(idle)
		f, err := Measure(request)
		require.NoError(t, err, "seed %d", seed)
		require.Equal(t, MethodGauge+"-net", f.Method, "seed %d: method %s (%v)", seed, f.Method, f.Notes)
		off := math.Abs(f.Joules-truth) / truth
		worst = max(worst, off)
		widths += f.Uncertainty / f.Joules / runs
		if math.Abs(f.Joules-truth) <= f.Uncertainty {
			covered++
		}
		assert.LessOrEqual(t, off, 0.02, "seed %d: %.1f J, truth %.1f J: off by %.2f %%", seed, f.Joules, truth, 100*off)
	}
	t.Logf("within the interval: %d of %d; worst error %.2f %%; mean half width %.2f %%", covered, runs, 100*worst, 100*widths)
	assert.GreaterOrEqual(t, covered, runs*95/100, "the truth lies within the interval in %d of %d runs", covered, runs)
	assert.LessOrEqual(t, widths, 0.03, "mean half width %.2f %%: an interval that wide is no statement", 100*widths)
}

func TestGaugeSteadyPowerIsExact(t *testing.T) {
	p := phone{random: rand.New(rand.NewPCG(1, 1)), power: func(float64) float64 { return 2 }, every: 10, work: 200, after: 30}
	request, truth := p.run(0)
	f, err := Measure(request)
	require.NoError(t, err, "Measure()")
	assert.InDelta(t, truth, f.Joules, 0.005*truth, "Measure()")
	assert.Nil(t, f.IdleWatts, "Measure()")
	assert.InDelta(t, f.Joules, f.Gross, 0, "Measure()")
}

func constant(seconds int, change func(i int, r *harness.BatteryReading)) []harness.BatteryReading {
	var out []harness.BatteryReading
	for i := range seconds {
		r := harness.BatteryReading{At: at(float64(i)), UpdateTime: ptr(origin.Unix() + int64(i))}
		change(i, &r)
		out = append(out, r)
	}
	return out
}

func TestMeasureMethodsAndRefusals(t *testing.T) {
	minute := Span{at(10), at(250)}
	accumulate := func(i int, r *harness.BatteryReading) {
		r.AccumulatedSystemLoad, r.SystemLoadCount = ptr(uint64(i*3000)), ptr(uint64(i))
	}
	discharge := func(i int, r *harness.BatteryReading) {
		r.VoltageMillivolt, r.AmperageMilliampere = ptr(int64(4000)), ptr(int64(-750-i%2))
	}
	for name, tc := range map[string]struct {
		readings []harness.BatteryReading
		work     Span
		joules   float64 // 0: refused
		method   string
		reason   string
	}{
		"accumulators": {constant(300, accumulate), minute, 720, MethodGauge, ""},
		"no readings":  {nil, minute, 0, "", "was not read"},
		"no time":      {constant(300, accumulate), Span{at(10), at(10)}, 0, "", "took no time"},
		"charging": {constant(300, func(i int, r *harness.BatteryReading) {
			accumulate(
				i, r,
			)
			r.Charging = ptr(i == 100)
		}), minute, 0, "", "was charging"},
		"charged before": {constant(300, func(i int, r *harness.BatteryReading) {
			accumulate(
				i, r,
			)
			r.Charging = ptr(i < 5)
		}), minute, 720, MethodGauge, ""},
		"on external power": {constant(300, func(i int, r *harness.BatteryReading) {
			accumulate(
				i, r,
			)
			r.ExternalPower = ptr(true)
		}), minute, 720, MethodGauge, ""},
		"a few seconds": {constant(300, func(i int, r *harness.BatteryReading) { accumulate(i/60*60, r) }), Span{
			at(10), at(16),
		}, 0, "", "resolution: the work took 6.0 s"},
		"within one publication": {constant(300, func(i int, r *harness.BatteryReading) { accumulate(i/60*60, r) }), Span{
			at(70), at(110),
		}, 0, "", "resolution: 0 publications"},
		"voltage and current": {constant(300, discharge), minute, 720, MethodVoltageCurrent, ""},
		"unsigned current": {constant(300, func(i int, r *harness.BatteryReading) {
			discharge(
				i, r,
			)
			*r.AmperageMilliampere += 1 << 16
		}), minute, 720, MethodVoltageCurrent, ""},
		"V x I while plugged": {constant(300, func(i int, r *harness.BatteryReading) {
			discharge(
				i, r,
			)
			r.ExternalPower = ptr(true)
		}), minute, 0, "", "on external power"},
		"negative counters": {constant(300, func(i int, r *harness.BatteryReading) {
			r.AccumulatedSystemLoad, r.SystemLoadCount = ptr(uint64(0)), ptr(uint64(i))
		}), minute, 0, "", "0 J is not a positive energy"},
		"counters run backward": {constant(300, func(i int, r *harness.BatteryReading) {
			r.AccumulatedSystemLoad, r.SystemLoadCount = ptr(uint64(900_000-i*3000)), ptr(uint64(300-i))
		}), minute, 0, "", "no accumulators that can be compared"},
		"capacity": {constant(300, func(i int, r *harness.BatteryReading) {
			r.RawCapacityMAh = ptr(int64(3000 - i/5))
			r.VoltageMillivolt = ptr(int64(3850))
		}), minute, 48 * 3.85 * 3.6, MethodCapacity, ""},
		"capacity, hardly moving": {
			constant(300, func(i int, r *harness.BatteryReading) { r.RawCapacityMAh = ptr(int64(3000 - i/50)) }), minute, 0, "",
			"the capacity fell by 4 mAh",
		},
		"percentage alone": {
			constant(300, func(i int, r *harness.BatteryReading) { r.Percent = ptr(int64(80 - i/60*5)) }), minute, 0, "", "no accumulators",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Measure(Request{Readings: tc.readings, Work: tc.work})
			var refusal *Refusal
			if tc.joules == 0 {
				require.ErrorAs(t, err, &refusal, "Measure() = %+v", f)
				assert.Contains(t, refusal.Reason, tc.reason, "Measure() = %+v", f)
				return
			}
			require.NoError(t, err, "Measure()")
			assert.Equal(t, tc.method, f.Method, "Measure()")
			assert.InDelta(t, tc.joules, f.Joules, max(0.01*tc.joules, f.Uncertainty), "Measure()")
			assert.Positive(t, f.Uncertainty, "Measure() has uncertainty")
		})
	}
}

func TestMeasureOnTheHostsClock(t *testing.T) {
	readings := constant(300, func(i int, r *harness.BatteryReading) {
		r.UpdateTime, r.At = nil, r.At.Add(time.Hour) // the host is an hour ahead
		r.AccumulatedSystemLoad, r.SystemLoadCount = ptr(uint64(i*3000)), ptr(uint64(i))
	})
	f, err := Measure(Request{Readings: readings, Work: Span{at(10), at(250)}, ClockOffset: time.Hour})
	require.NoError(t, err, "Measure()")
	assert.InDelta(t, 720, f.Joules, 1, "Measure()")
}

// FuzzMeasure checks that no readings give a figure that is not finite, not positive or narrower than nothing.
func FuzzMeasure(f *testing.F) {
	f.Add(uint64(1), uint64(3000), uint64(1), int64(4000), int64(-700), int64(3000), true)
	f.Add(uint64(math.MaxUint64), uint64(math.MaxUint64), uint64(0), int64(-1), int64(1<<62), int64(-5), false)
	f.Fuzz(func(t *testing.T, seed, sum, count uint64, mv, ma, mah int64, dated bool) {
		random := rand.New(rand.NewPCG(seed, 5))
		readings := constant(60, func(i int, r *harness.BatteryReading) {
			if !dated {
				r.UpdateTime = ptr(random.Int64() - random.Int64())
			}
			r.AccumulatedSystemLoad, r.SystemLoadCount = ptr(uint64(i)*sum+random.Uint64N(sum|1)), ptr(uint64(i)*count)
			r.VoltageMillivolt, r.AmperageMilliampere, r.RawCapacityMAh = &mv, ptr(ma+int64(i)), ptr(mah-int64(i))
		})
		figure, err := Measure(Request{Readings: readings, Work: Span{at(5), at(50)}, Idle: &Span{at(0), at(4)}})
		assert.False(t, err == nil && (!(figure.Joules > 0) || !(figure.Uncertainty >= 0) || math.IsInf(figure.Joules, 0)),
			"Measure() = %+v", figure)
	})
}
