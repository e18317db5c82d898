package block

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNumbersComeBack writes every kind of number through shared and separate models and reads them back.
func TestNumbersComeBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	values := []int64{0, 1, -1, 2, 127, -128, 1 << 24, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1}
	for range 5000 {
		values = append(values, int64(random.Uint64())>>random.IntN(64))
	}
	w, m, flags := newWriter(), newNumber(), newProbabilities(1)
	for _, v := range values {
		w.signed(m, v)
		w.unsigned(m, uint64(v))
		w.flag(&flags[0], v&1 == 0)
		w.raw(uint64(v), 13)
	}
	r, m, flags := newReader(w.finish()), newNumber(), newProbabilities(1)
	for i, v := range values {
		require.Equal(t, v, r.signed(m, 0), "number %d: signed", i)
		require.Equal(t, uint64(v), r.unsigned(m, 0), "number %d: unsigned", i)
		require.Equal(t, v&1 == 0, r.flag(&flags[0], false), "number %d: flag", i)
		require.Equal(t, uint64(v)&(1<<13-1), r.raw(0, 13), "number %d: raw", i)
	}
	require.NoError(t, r.err)
}

// TestNoiseCostsItsEntropy holds the coder against the entropy of normal jitter, the best that any code can do.
func TestNoiseCostsItsEntropy(t *testing.T) {
	const n, deviation = 20_000, 4000.0
	random, w, m := rand.New(rand.NewPCG(1, 2)), newWriter(), newNumber()
	for range n {
		w.signed(m, int64(random.NormFloat64()*deviation))
	}
	entropy := math.Log2(deviation * math.Sqrt(2*math.Pi*math.E))
	cost := float64(8*len(w.finish())) / n
	assert.LessOrEqual(t, cost, 1.03*entropy, "%.2f bits a number, the entropy is %.2f", cost, entropy)
	assert.GreaterOrEqual(t, cost, 0.99*entropy, "%.2f bits a number, the entropy is %.2f", cost, entropy)
}

// TestWhatIsExpectedCostsNothing is what repeating lines rely on.
func TestWhatIsExpectedCostsNothing(t *testing.T) {
	w, m := newWriter(), newNumber()
	for range 100_000 {
		w.signed(m, 0)
	}
	size := len(w.finish())
	assert.LessOrEqual(t, size, 300, "100,000 zeros take %d bytes", size)
}

func TestReadingBeyondTheEndFails(t *testing.T) {
	w, m := newWriter(), newNumber()
	w.signed(m, 5)
	r, m := newReader(w.finish()), newNumber()
	for range 1_000_000 {
		r.unsigned(m, 0)
	}
	require.Error(t, r.err, "a million numbers were read out of one")
}
