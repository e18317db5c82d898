package simulation

import (
	"math"
	"math/rand/v2"

	"github.com/aclements/go-moremath/stats"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
	own "github.com/lilims/bench/harness/stats"
)

const (
	baseLevel    = 30.0 // tok/s; any level gives the same answers
	historyPairs = 40   // pairs of the build against itself from which noise is borrowed
	mostPairs    = 16
	screenNights = 7
	screenSize   = 5     // sessions a night
	screenPass   = -0.06 // relative change above which the screen passes
	poolPairs    = 8     // pairs of the pooled rule
)

// answer is what a rule said of one simulated night.
type answer struct {
	judgement harness.Judgement
	minutes   float64
}

// rule plays one night with a true relative change and answers.
type rule func(n Noise, change float64, random *rand.Rand) answer

// Rules names the rules that the table compares, in its order.
func rules() []struct {
	name string
	play rule
} {
	return []struct {
		name string
		play rule
	}{
		{"interleaved", func(n Noise, change float64, r *rand.Rand) answer { return interleaved(n, change, r, gate.Rule{}) }},
		{"interleaved strict", func(n Noise, change float64, r *rand.Rand) answer {
			return interleaved(n, change, r, gate.Rule{Strict: true})
		}},
		{"two nights", twoNights},
		{"two-stage", twoStage},
		{"pooled p<0.05 and >10 %", pooled},
	}
}

// history borrows noise from the build against itself on the same device, over other nights.
func history(n Noise, random *rand.Rand) float64 {
	p := newPhone(n, random)
	differences := make([]float64, historyPairs)
	for i := range differences {
		if i%5 == 0 {
			p.sleep()
		}
		b, c := p.pair(baseLevel, baseLevel)
		differences[i] = math.Log(own.Median(c) / own.Median(b))
	}
	return own.BorrowedNoise(differences)
}

func interleaved(n Noise, change float64, random *rand.Rand, r gate.Rule) answer {
	series, p := begin(n, random)
	measure(p, &series, change)
	return judge(n, series, r)
}

// twoNights goes on another night from the pairs of one that decided nothing.
func twoNights(n Noise, change float64, random *rand.Rand) answer {
	series, p := begin(n, random)
	measure(p, &series, change)
	first := judge(n, series, gate.Rule{})
	if first.judgement != harness.Inconclusive {
		return first
	}
	p.sleep()
	measure(p, &series, change)
	return judge(n, series, gate.Rule{Looks: gate.PooledLooks()})
}

func begin(n Noise, random *rand.Rand) (gate.Series, *phone) {
	noise := history(n, random)
	metric, _ := harness.MetricNamed(harness.DecodeTokS)
	return gate.Series{Case: "simulated", Metric: metric, Noise: &noise}, newPhone(n, random)
}

// measure adds a night's pairs.
func measure(p *phone, series *gate.Series, change float64) {
	for range mostPairs {
		b, c := p.pair(baseLevel, baseLevel*(1+change))
		series.Baseline, series.Candidate = append(series.Baseline, b), append(series.Candidate, c)
	}
}

func judge(n Noise, series gate.Series, r gate.Rule) answer {
	judged, err := gate.Judge(series, r)
	if err != nil {
		panic(err) // a simulated series is always complete and positive
	}
	return answer{judged.Judgement, 2 * n.Minutes() * float64(judged.Pairs)}
}

// twoStage screens the candidate against stored nights and measures pairs only where the screen does not pass.
func twoStage(n Noise, change float64, random *rand.Rand) answer {
	p := newPhone(n, random)
	stored := 0.0
	for range screenNights {
		stored += math.Log(own.Median(night(p, baseLevel))) / screenNights
		p.sleep()
	}
	minutes := screenSize * n.Minutes()
	if math.Log(own.Median(night(p, baseLevel*(1+change))))-stored >= math.Log(1+screenPass) {
		return answer{harness.Pass, minutes}
	}
	second := interleaved(n, change, random, gate.Rule{})
	return answer{second.judgement, minutes + second.minutes}
}

// night returns the session medians of one night of one build.
func night(p *phone, level float64) []float64 {
	var medians []float64
	for range screenSize {
		medians = append(medians, own.Median(p.session(level, p.block())))
	}
	return medians
}

// pooled is what many gates do: all iterations of both arms in one rank test, and the ratio of medians.
func pooled(n Noise, change float64, random *rand.Rand) answer {
	p := newPhone(n, random)
	var base, candidate []float64
	for range poolPairs {
		b, c := p.pair(baseLevel, baseLevel*(1+change))
		base, candidate = append(base, b...), append(candidate, c...)
	}
	out := answer{harness.Pass, 2 * n.Minutes() * poolPairs}
	test, err := stats.MannWhitneyUTest(base, candidate, stats.LocationDiffers)
	if err == nil && test.P < 0.05 && own.Median(candidate)/own.Median(base) < 1-gate.DefaultThreshold {
		out.judgement = harness.Regression
	}
	return out
}
