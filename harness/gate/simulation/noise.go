// Package simulation plays a phone's noise against the gate's rules and counts what they say, so that their error
// rates are measured on this project's own code. In comes a seed and a size, out comes a table; every number in it is
// of a modelled phone and speaks of the rules, never of a device.
package simulation

import (
	"math"
	"math/rand/v2"
)

// Noise is a model of one device's noise on the log scale. With CV the coefficient of variation of an iteration over
// nights, the parts are shares of it, so that their squares add up to about one; they were assembled from published
// runs on iPhones (docs/method.md). Heat and slow iterations come on top.
type Noise struct {
	CV         float64 // of an iteration over nights
	Night      float64 // share, drawn once a night
	Block      float64 // share, drawn once for two adjacent sessions
	Session    float64 // share, drawn once a session
	Iteration  float64 // share, first-order autoregressive
	Phi        float64 // autocorrelation of the iteration part
	SlowShare  float64 // share of iterations slowed by an exponential amount
	SlowMean   float64 // mean of that amount, relative
	BadShare   float64 // share of sessions that are slow as a whole
	Iterations int     // kept iterations of a session
}

// PhoneNoise is the default model at a given coefficient of variation.
func PhoneNoise(cv float64) Noise {
	return Noise{
		CV: cv, Night: 0.5, Block: 0.4, Session: 0.5, Iteration: 0.6, Phi: 0.5,
		SlowShare: 0.03, SlowMean: 0.20, BadShare: 0.02, Iterations: 10,
	}
}

// Cost of device time under the model, minutes.
const (
	sessionMinutes   = 3.0 // launch, load and cool-down
	iterationMinutes = 20.0 / 60
)

// Minutes is what one session costs.
func (n Noise) Minutes() float64 { return sessionMinutes + iterationMinutes*float64(n.Iterations) }

// phone draws sessions of one device.
type phone struct {
	Noise
	random *rand.Rand
	night  float64
}

func newPhone(n Noise, random *rand.Rand) *phone {
	p := &phone{Noise: n, random: random}
	p.sleep()
	return p
}

// sleep begins a new night.
func (p *phone) sleep() { p.night = p.draw(p.Night) }

func (p *phone) draw(share float64) float64 { return share * p.CV * p.random.NormFloat64() }

// block draws what two adjacent sessions share.
func (p *phone) block() float64 { return p.draw(p.Block) }

// session draws the iterations of one session of a build whose true level is level.
func (p *phone) session(level, block float64) []float64 {
	offset := math.Log(level) + p.night + block + p.draw(p.Session)
	if p.random.Float64() < p.BadShare {
		offset += math.Log(1 - (0.05 + 0.20*p.random.Float64()))
	}
	heat := p.CV * (0.8 + 0.4*p.random.Float64())
	drift := p.draw(p.Iteration)
	innovation := math.Sqrt(1 - p.Phi*p.Phi)
	out := make([]float64, p.Iterations)
	for i := range out {
		if i > 0 {
			drift = p.Phi*drift + innovation*p.draw(p.Iteration)
		}
		y := offset + drift + math.Log(1-heat*(1-math.Exp(-float64(i+1)/4)))
		if p.random.Float64() < p.SlowShare {
			y -= math.Log(1 + p.SlowMean*p.random.ExpFloat64())
		}
		out[i] = math.Exp(y)
	}
	return out
}

// pair draws one interleaved pair of sessions: AB or BA makes no difference to a phone that cools down between them.
func (p *phone) pair(base, candidate float64) (b, c []float64) {
	block := p.block()
	return p.session(base, block), p.session(candidate, block)
}
