package trend

import (
	"math"
	"slices"

	"github.com/lilims/bench/harness/stats"
)

// Found is what was found in a history of nightly values.
type Found struct {
	Changes  []Change
	Outliers []int   // indexes of single nights far off their neighbours, replaced for the detection
	Sigma    float64 // SD of a night on the log scale, from differences of neighbours
	Phi      float64 // lag-1 autocorrelation of the residuals, clamped to [0, 0.8]
}

// Change is a lasting shift of level.
type Change struct {
	Index       int     // first night of the new level
	Before      float64 // median of the level before, in the series' unit
	After       float64
	Provisional bool // fewer than Segment nights are in the new level: it may still turn out to be a spike
}

// Constants of the detector: robust PELT. Tuned by simulation (docs/method.md).
const (
	Minimum        = 10    // nights needed
	Segment        = 5     // shortest level, nights
	penaltyFactor  = 4     // times log n
	hampelSigmas   = 4     // a night further from its neighbours' median is a spike
	hampelReach    = 3     // neighbours on each side
	smallestChange = 0.025 // on the log scale; smaller shifts are dropped
	largestPhi     = 0.8
	shortHistory   = 10 // nights, over those there are, squared: by so much more a night may vary than its history shows

	freshSigmas = 3 // each of the last nights must be this far from the level
)

// Find looks for lasting shifts in a series of positive nightly medians, oldest first. A single wild night is an
// outlier, not a change. Fewer than Minimum nights, or a series without variation, give no changes.
//
// The method is PELT (Killick 2012, doi 10.1080/01621459.2012.737745) on logs with squared error, after a Hampel
// filter, with a penalty widened for autocorrelation and for the poorly known variation of a short history, and
// small shifts removed. Package simulation counts the steps that it finds and its false changes.
func Find(series []float64) Found {
	z := make([]float64, len(series))
	for i, x := range series {
		z[i] = math.Log(x)
	}
	var t Found
	if len(z) < Minimum {
		return t
	}
	t.Sigma = neighbourSigma(z)
	if !(t.Sigma > 0) {
		return t
	}
	clean, outliers := hampel(z, t.Sigma)
	t.Outliers = outliers
	beta := penaltyFactor * math.Log(float64(len(z)))
	first := pelt(clean, t.Sigma, beta)
	t.Phi = autocorrelation(clean, first)
	short := shortHistory / float64(len(z))
	unsure := 1 + short*short
	cuts := pelt(clean, unsure*t.Sigma/math.Sqrt(1-t.Phi), beta*(1+t.Phi)/(1-t.Phi))
	cuts = dropSmall(clean, cuts)
	fresh, isFresh := freshShift(z, cuts, t.Sigma/math.Sqrt(1-t.Phi))
	if isFresh {
		cuts = append(settled(cuts, len(z)), fresh)
		t.Outliers = slices.DeleteFunc(t.Outliers, func(i int) bool { return i >= fresh })
		copy(clean[fresh:], z[fresh:])
	}
	for i, cut := range cuts {
		t.Changes = append(t.Changes, Change{Index: cut, Provisional: isFresh && i == len(cuts)-1})
	}
	describe(t.Changes, clean)
	return t
}

// settled returns the cuts without one at the shortest distance from the end: there PELT may have put a shift that is
// younger than a segment, a few nights too early.
func settled(cuts []int, n int) []int {
	if len(cuts) > 0 && cuts[len(cuts)-1] == n-Segment {
		return cuts[:len(cuts)-1]
	}
	return cuts
}

// freshShift reports whether the last few nights, too few for a segment, all lie off the last level on one side by
// more than spikes do and by more than the smallest change, and where they begin.
func freshShift(z []float64, cuts []int, sigma float64) (at int, ok bool) {
	const fewest = 3
	from := 0
	if cuts = settled(cuts, len(z)); len(cuts) > 0 {
		from = cuts[len(cuts)-1]
	}
	beyond := func(level float64, nights []float64) bool {
		distance := max(freshSigmas*sigma, smallestChange)
		above, below := true, true
		for _, x := range nights {
			above = above && x-level > distance
			below = below && level-x > distance
		}
		return above || below
	}
	if at = len(z) - Segment; at-from >= Segment && beyond(stats.Median(z[from:at]), z[at:]) {
		return 0, false // a whole segment has shifted: that is a change, not a fresh one
	}
	for nights := Segment - 1; nights >= fewest; nights-- {
		if at = len(z) - nights; at-from >= Segment && beyond(stats.Median(z[from:at]), z[at:]) {
			return at, true
		}
	}
	return 0, false
}

// neighbourSigma estimates a night's SD from differences of neighbours, which a level shift hardly touches.
func neighbourSigma(z []float64) float64 {
	differences := make([]float64, len(z)-1)
	for i := range differences {
		differences[i] = z[i+1] - z[i]
	}
	return stats.MAD(differences) / math.Sqrt2
}

// hampel replaces nights that are outliers among their neighbours by the neighbours' median.
func hampel(z []float64, sigma float64) (clean []float64, outliers []int) {
	clean = slices.Clone(z)
	for i := range z {
		window := z[max(0, i-hampelReach):min(len(z), i+hampelReach+1)]
		if center := stats.Median(window); math.Abs(z[i]-center) > hampelSigmas*sigma {
			clean[i] = center
			outliers = append(outliers, i)
		}
	}
	return clean, outliers
}

// pelt returns the starts of all segments but the first that minimise sum((x-mean)^2)/sigma^2 + beta per change.
func pelt(z []float64, sigma, beta float64) []int {
	n := len(z)
	sum, squares := make([]float64, n+1), make([]float64, n+1)
	for i, x := range z {
		sum[i+1], squares[i+1] = sum[i]+x, squares[i]+x*x
	}
	cost := func(from, to int) float64 {
		s := sum[to] - sum[from]
		return (squares[to] - squares[from] - s*s/float64(to-from)) / (sigma * sigma)
	}
	best, previous := make([]float64, n+1), make([]int, n+1)
	best[0] = -beta
	candidates, ways := make([]int, 1, n+1), make([]float64, n+1) // ways: the cost up to end by way of each candidate
	for end := 1; end <= n; end++ {
		best[end] = math.Inf(1)
		far := len(candidates) // those at least a segment away: candidates ascend
		for far > 0 && end-candidates[far-1] < Segment {
			far--
		}
		for i, c := range candidates[:far] {
			ways[i] = best[c] + cost(c, end)
			if total := ways[i] + beta; total < best[end] {
				best[end], previous[end] = total, c
			}
		}
		kept := candidates[:0]
		for i, c := range candidates {
			if i >= far || !(ways[i] > best[end]) {
				kept = append(kept, c)
			}
		}
		candidates = append(kept, end)
	}
	var cuts []int
	for at := previous[n]; at > 0; at = previous[at] {
		cuts = append(cuts, at)
	}
	slices.Reverse(cuts)
	return cuts
}

// autocorrelation pools the lag-1 autocorrelation of residuals about segment medians, within segments only.
func autocorrelation(z []float64, cuts []int) float64 {
	var products, squares float64
	eachSegment(len(z), cuts, func(from, to int) {
		center := stats.Median(z[from:to])
		for i := from; i < to; i++ {
			r := z[i] - center
			squares += r * r
			if i > from {
				products += r * (z[i-1] - center)
			}
		}
	})
	if squares == 0 {
		return 0
	}
	return min(max(products/squares, 0), largestPhi)
}

// dropSmall removes the smallest shift below smallestChange until none is left.
func dropSmall(z []float64, cuts []int) []int {
	cuts = slices.Clone(cuts)
	for len(cuts) > 0 {
		var levels []float64
		eachSegment(len(z), cuts, func(from, to int) { levels = append(levels, stats.Median(z[from:to])) })
		smallest := 0
		for i := range cuts {
			if math.Abs(levels[i+1]-levels[i]) < math.Abs(levels[smallest+1]-levels[smallest]) {
				smallest = i
			}
		}
		if math.Abs(levels[smallest+1]-levels[smallest]) >= smallestChange {
			break
		}
		cuts = slices.Delete(cuts, smallest, smallest+1)
	}
	return cuts
}

// describe fills in the levels before and after each change, in the series' own unit.
func describe(changes []Change, z []float64) {
	cuts := make([]int, len(changes))
	for i, c := range changes {
		cuts[i] = c.Index
	}
	var levels []float64
	eachSegment(len(z), cuts, func(from, to int) { levels = append(levels, math.Exp(stats.Median(z[from:to]))) })
	for i := range changes {
		changes[i].Before, changes[i].After = levels[i], levels[i+1]
	}
}

// eachSegment calls f with the borders of every segment between cuts.
func eachSegment(n int, cuts []int, f func(from, to int)) {
	from := 0
	for _, cut := range cuts {
		f(from, cut)
		from = cut
	}
	f(from, n)
}
