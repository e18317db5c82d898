package simulation

import (
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"

	"github.com/lilims/bench/harness"
)

// Options is the size of a simulation.
type Options struct {
	Seed    uint64
	Nights  int       // simulated nights for each cell
	CVs     []float64 // nil: 0.02, 0.05, 0.10
	Changes []float64 // relative; nil: 0, -0.05, -0.08, -0.10, -0.12, -0.15, -0.20
}

// Cell is what one rule said under one noise and one true change. Shares are of nights.
type Cell struct {
	Rule         string  `json:"rule"`
	CV           float64 `json:"cv"`
	Change       float64 `json:"change"`
	Nights       int     `json:"nights"`
	Regression   float64 `json:"regression"`
	Inconclusive float64 `json:"inconclusive"`
	Minutes      float64 `json:"mean_device_minutes"`
}

// Run plays every rule under every noise and change. Same options, same cells.
func Run(o Options) []Cell {
	if len(o.CVs) == 0 {
		o.CVs = []float64{0.02, 0.05, 0.10}
	}
	if len(o.Changes) == 0 {
		o.Changes = []float64{0, -0.05, -0.08, -0.10, -0.12, -0.15, -0.20}
	}
	var cells []Cell
	for _, r := range rules() {
		for i, cv := range o.CVs {
			for j, change := range o.Changes {
				// Every rule sees the same draws in the same cell.
				random := newRandom(o.Seed, uint64(i)<<32|uint64(j))
				cells = append(cells, play(r.name, r.play, cv, change, o.Nights, random))
			}
		}
	}
	return cells
}

func play(name string, r rule, cv, change float64, nights int, random *rand.Rand) Cell {
	cell := Cell{Rule: name, CV: cv, Change: change, Nights: nights}
	noise := PhoneNoise(cv)
	for range nights {
		a := r(noise, change, newRandom(random.Uint64(), random.Uint64()))
		switch a.judgement {
		case harness.Regression:
			cell.Regression++
		case harness.Inconclusive:
			cell.Inconclusive++
		}
		cell.Minutes += a.minutes
	}
	cell.Regression /= float64(nights)
	cell.Inconclusive /= float64(nights)
	cell.Minutes /= float64(nights)
	return cell
}

// Print writes the cells as a table: a row for each rule and noise, a column for each change; in each cell the
// percentages of nights called regression and inconclusive, and the mean device-minutes.
func Print(w io.Writer, cells []Cell) error {
	if len(cells) == 0 {
		return nil
	}
	fmt.Fprintf(w, "simulated noise, %d nights a cell: regression %% / inconclusive %% / mean device-minutes\n\n", cells[0].Nights)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "rule\tCV")
	for _, c := range cells {
		if c.Rule != cells[0].Rule || c.CV != cells[0].CV {
			break
		}
		fmt.Fprintf(table, "\t%+.0f %%", 100*c.Change)
	}
	var rule string
	var cv float64
	for _, c := range cells {
		if c.Rule != rule || c.CV != cv {
			rule, cv = c.Rule, c.CV
			fmt.Fprintf(table, "\n%s\t%.0f %%", rule, 100*cv)
		}
		fmt.Fprintf(table, "\t%.2g/%.2g/%.0f", 100*c.Regression, 100*c.Inconclusive, c.Minutes)
	}
	fmt.Fprintln(table)
	return table.Flush()
}

func newRandom(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }
