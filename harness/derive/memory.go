package derive

import (
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// memory is what the app's own readings tell of the launch as a whole.
type memory struct {
	loaded   *float64 // footprint at the end of the model's load, before the first request
	lifetime *float64 // the kernel's highest
	least    *float64 // that could still be allocated
}

// take looks at a reading of the app. first: no iteration of the process has begun.
func (m *memory) take(e wire.Event, value float64, current *open, first bool) {
	switch e.Metric {
	case harness.Footprint:
		if e.Phase == "load" && first {
			m.loaded = &value
		}
		if current == nil {
			return
		}
		highest(&current.footprint, value)
		switch e.Phase {
		case "prefill":
			highest(&current.prefill, value)
		case "decode":
			highest(&current.decode, value)
		}
	case harness.LedgerPeak:
		highest(&m.lifetime, value)
	case harness.Available:
		if m.least == nil || value < *m.least {
			m.least = &value
		}
	}
}

func highest(of **float64, value float64) {
	if *of == nil || value > **of {
		*of = &value
	}
}

// remember yields the launch's figures of memory.
func (f *Fold) remember(y *Yield) {
	for _, figure := range []struct {
		metric string
		value  *float64
		method string
	}{
		{harness.LoadedFootprint, f.memory.loaded, "last reading of the load"},
		{harness.LifetimePeak, f.memory.lifetime, "kernel's ledger"},
		{harness.LeastAvailable, f.memory.least, "least of the phases' least"},
	} {
		if figure.value == nil {
			continue
		}
		f.figures.have(figure.metric)
		y.Samples = append(y.Samples, harness.Sample{
			Session: f.expect.Session, Metric: figure.metric, Value: *figure.value, Unit: "B",
			At: f.hostWall(f.process.lastNs), Source: harness.SourceDerived, Method: figure.method,
		})
	}
}
