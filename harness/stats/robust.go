package stats

import (
	"math"
	"slices"
)

// MADScale makes the median absolute deviation an estimate of a normal distribution's standard deviation.
const MADScale = 1.4826

// Median returns the median of xs, which it leaves as they are. It is NaN for an empty series.
func Median(xs []float64) float64 {
	return Quantile(xs, 0.5)
}

// Quantile returns the q-quantile of xs by linear interpolation between order statistics (Hyndman and Fan's type 7).
// It is NaN for an empty series.
func Quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	var few [16]float64 // a launch's readings need no memory of their own
	sorted := append(few[:0], xs...)
	slices.Sort(sorted)
	return QuantileSorted(sorted, q)
}

// QuantileSorted is Quantile of a series that is in ascending order already. It is the same on every processor: the
// conversion keeps compilers from fusing the product into the sum.
func QuantileSorted(sorted []float64, q float64) float64 {
	if len(sorted) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	at := min(max(q, 0), 1) * float64(len(sorted)-1)
	low := int(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low] + float64((at-float64(low))*(sorted[low+1]-sorted[low]))
}

// MAD returns the scaled median absolute deviation from the median: a standard deviation that a few wild values do not
// move. It is NaN for an empty series.
func MAD(xs []float64) float64 {
	center := Median(xs)
	deviations := make([]float64, len(xs))
	for i, x := range xs {
		deviations[i] = math.Abs(x - center)
	}
	return MADScale * Median(deviations)
}

// Mean returns the arithmetic mean, NaN for an empty series.
func Mean(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

// Variance returns the sample variance with n-1 below; it is NaN for fewer than two values.
func Variance(xs []float64) float64 {
	if len(xs) < 2 {
		return math.NaN()
	}
	mean, sum := Mean(xs), 0.0
	for _, x := range xs {
		sum += (x - mean) * (x - mean)
	}
	return sum / float64(len(xs)-1)
}
