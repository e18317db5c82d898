// Package simulation runs the trend detector on modelled nights and counts the steps that it finds and the changes that it
// reports falsely, so that its error rates are measured on this project's own code. In comes a seed and a size, out comes a
// table; every number in it is of a modelled history and speaks of the detector, never of a device.
package simulation

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"github.com/aclements/go-moremath/stats"

	own "github.com/lilims/bench/harness/stats"
	"github.com/lilims/bench/harness/trend"
)

// Constants of a simulated year. The steps lie far enough apart that each could be found alone.
const (
	baseLevel    = 30.0 // tok/s; any level gives the same answers
	yearNights   = 365
	yearSteps    = 3
	stepApart    = 45 // nights between two steps, and from either end
	smallestStep = 0.03
	largeStep    = 0.06 // from here on a step should not be missed
	largestStep  = 0.15
	spikeShare   = 0.02 // of nights
	tolerance    = 5    // nights between a step and the change that finds it
	patience     = 60   // nights after which a step that was not reported counts as missed
	morningEvery = 5    // of the years without steps, one in so many is looked at every morning

	welchWindow   = 10
	welchP        = 0.001
	welchSmallest = 0.02
)

// Drift is a model of how nightly medians vary where nothing has changed: autocorrelated on the log scale, with single
// slow nights.
type Drift struct {
	CV  float64 `json:"cv"`
	Phi float64 `json:"phi"` // lag-1 autocorrelation
}

// drifts are the models that the table shows.
func drifts() []Drift { return []Drift{{0.02, 0.3}, {0.04, 0.3}, {0.02, 0.6}} }

// Cell is what one detector found under one model, in years with steps and in years without.
type Cell struct {
	Detector string `json:"detector"`
	Drift
	Years       int     `json:"years"` // with three steps each, and as many without
	Precision   float64 `json:"precision"`
	RecallSmall float64 `json:"recall_small"` // share of steps below 6 % that were found within 5 nights of where they are
	RecallLarge float64 `json:"recall_large"` // and of the larger ones
	FalseAYear  float64 `json:"false_changes_a_year"`
	Confirmed   float64 `json:"wrongly_confirmed_a_year"`   // changes that a look on some morning shows, gone later or not
	Provisional float64 `json:"wrongly_provisional_a_year"` // and those that are marked provisional as long as they are shown
	ToldInTime  float64 `json:"reported_in_5_nights"`       // share of large steps that were reported by their fifth night
	MedianDelay float64 `json:"median_delay_nights"`        // from a large step until it is first reported
	P90Delay    float64 `json:"p90_delay_nights"`
}

// detector finds the nights at which the level of a series changes.
type detector struct {
	name string
	find func(series []float64) []trend.Change
}

func detectors() []detector {
	return []detector{{"bench trend", robust}, {"Welch's t, 10 nights, p<0.001", welch}}
}

// Run plays years of nights against the trend detector and, beside it, what many dashboards do. Same arguments,
// same cells.
func Run(seed uint64, years int) []Cell {
	var cells []Cell
	for _, d := range detectors() {
		for i, model := range drifts() {
			// Every detector sees the same draws.
			cells = append(cells, playYears(d, model, years, newRandom(seed, uint64(i))))
		}
	}
	return cells
}

// step is a lasting change of level.
type step struct {
	night int
	log   float64
}

func (s step) large() bool { return math.Abs(math.Expm1(s.log)) >= largeStep }

// year draws a year of nightly medians.
func (d Drift) year(steps []step, random *rand.Rand) []float64 {
	out := make([]float64, yearNights)
	drift, innovation := d.CV*random.NormFloat64(), d.CV*math.Sqrt(1-d.Phi*d.Phi)
	for i := range out {
		y := math.Log(baseLevel) + drift
		for _, s := range steps {
			if i >= s.night {
				y += s.log
			}
		}
		if random.Float64() < spikeShare {
			y += math.Log(1 - (0.05 + 0.20*random.Float64()))
		}
		out[i], drift = math.Exp(y), d.Phi*drift+innovation*random.NormFloat64()
	}
	return out
}

// drawSteps draws where and by how much a year's level changes.
func drawSteps(random *rand.Rand) []step {
	var out []step
	for len(out) < yearSteps {
		at := stepApart + random.IntN(yearNights-2*stepApart)
		if slices.ContainsFunc(out, func(s step) bool { return max(at-s.night, s.night-at) < stepApart }) {
			out = out[:0] // drawn again as a whole, so that no place is likelier
			continue
		}
		size := smallestStep + (largestStep-smallestStep)*random.Float64()
		if random.IntN(2) == 0 {
			size = -size
		}
		out = append(out, step{at, math.Log1p(size)})
	}
	slices.SortFunc(out, func(a, b step) int { return cmp.Compare(a.night, b.night) })
	return out
}

func playYears(d detector, model Drift, years int, random *rand.Rand) Cell {
	cell := Cell{Detector: d.name, Drift: model, Years: years}
	var found, right, small, large int
	var mornings float64
	var delays []float64
	for n := range years {
		steps := drawSteps(random)
		series := model.year(steps, random)
		changes := d.find(series)
		found += len(changes)
		for _, s := range steps {
			hit := near(changes, s.night)
			right += count(hit)
			if !s.large() {
				small++
				cell.RecallSmall += float64(count(hit))
				continue
			}
			large++
			cell.RecallLarge += float64(count(hit))
			told := delay(d, series, s.night)
			cell.ToldInTime += float64(count(told <= tolerance))
			delays = append(delays, told)
		}
		still := model.year(nil, random)
		cell.FalseAYear += float64(len(d.find(still))) / float64(years)
		if n%morningEvery == 0 {
			mornings++
			confirmed, all := everReported(d, still)
			cell.Confirmed += float64(confirmed)
			cell.Provisional += float64(all - confirmed)
		}
	}
	cell.Confirmed, cell.Provisional = cell.Confirmed/mornings, cell.Provisional/mornings
	cell.Precision, cell.RecallSmall = float64(right)/float64(max(found, 1)), cell.RecallSmall/float64(max(small, 1))
	cell.RecallLarge, cell.ToldInTime = cell.RecallLarge/float64(max(large, 1)), cell.ToldInTime/float64(max(large, 1))
	cell.MedianDelay, cell.P90Delay = own.Median(delays), own.Quantile(delays, 0.9)
	return cell
}

// near reports whether a change is where the step is.
func near(changes []trend.Change, night int) bool {
	return slices.ContainsFunc(changes, func(c trend.Change) bool { return max(c.Index-night, night-c.Index) <= tolerance })
}

func count(hit bool) int {
	if hit {
		return 1
	}
	return 0
}

// delay is how many nights of the new level it takes until a person who looks every morning is told of it.
func delay(d detector, series []float64, night int) float64 {
	for nights := 1; nights < patience && night+nights <= len(series); nights++ {
		if near(d.find(series[:night+nights]), night) {
			return float64(nights)
		}
	}
	return patience
}

// everReported counts the changes of a series that are shown on any morning: those without a mark, and all.
func everReported(d detector, series []float64) (confirmed, all int) {
	var told, sure []trend.Change
	for nights := 1; nights <= len(series); nights++ {
		for _, c := range d.find(series[:nights]) {
			if !near(told, c.Index) {
				told = append(told, c)
			}
			if !c.Provisional && !near(sure, c.Index) {
				sure = append(sure, c)
			}
		}
	}
	return len(sure), len(told)
}

// robust is what `bench trend` goes by.
func robust(series []float64) []trend.Change { return trend.Find(series).Changes }

// welch compares the nights after each night with those before: of neighbouring nights that differ the clearest counts.
func welch(series []float64) []trend.Change {
	var out []trend.Change
	last, least := -welchWindow, 1.0
	for i := welchWindow; i+welchWindow <= len(series); i++ {
		before, after := stats.Sample{Xs: series[i-welchWindow : i]}, stats.Sample{Xs: series[i : i+welchWindow]}
		test, err := stats.TwoSampleWelchTTest(before, after, stats.LocationDiffers)
		if err != nil || test.P >= welchP || math.Abs(after.Mean()/before.Mean()-1) < welchSmallest {
			continue
		}
		switch {
		case i-last >= welchWindow:
			out, least = append(out, trend.Change{Index: i}), test.P
		case test.P < least:
			out[len(out)-1].Index, least = i, test.P
		}
		last = i
	}
	return out
}

// Print writes the cells as a table.
func Print(w io.Writer, cells []Cell) error {
	if len(cells) == 0 {
		return nil
	}
	fmt.Fprintf(w, "simulated nights, years: %d with %d steps of %.0f to %.0f %% and %d without: shares of steps found within %d nights of "+
		"where they are, of changes that are steps\n\n",
		cells[0].Years, yearSteps, 100*smallestStep, 100*largestStep, cells[0].Years, tolerance)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "detector\tCV\tphi\t%.0f-%.0f %%\tlarger\tprecision\tfalse a year\tany morning, confirmed\tprovisional\ttold by the "+
		"5th night\tnights until told, median\tp90\n", 100*smallestStep, 100*largeStep)
	for _, c := range cells {
		late := fmt.Sprintf("%.0f", c.P90Delay)
		if c.P90Delay >= patience {
			late = fmt.Sprintf(">%d", patience-1)
		}
		fmt.Fprintf(table, "%s\t%.0f %%\t%.1f\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f\t%.2f\t%.3f\t%.0f\t%s\n",
			c.Detector, 100*c.CV, c.Phi, c.RecallSmall, c.RecallLarge, c.Precision, c.FalseAYear, c.Confirmed, c.Provisional, c.ToldInTime,
			c.MedianDelay, late)
	}
	return table.Flush()
}

func newRandom(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
