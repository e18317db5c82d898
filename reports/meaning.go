package reports

import "github.com/lilims/bench/harness"

// meaning says of a figure what it counts and what it does not.
type meaning struct{ Label, Text string }

// meanings are what a reader must know of the figures of memory and energy that a case shows.
var meanings = []struct {
	metrics []string
	text    string
}{
	{[]string{harness.PeakFootprint, harness.PeakPrefill, harness.PeakDecode, harness.LoadedFootprint},
		"The app's own footprint as the system counts it when it ends an app for memory: pages that the app wrote to, compressed ones, and what drivers hold in its name. " +
			"Weights that are mapped from a file and only read are not in it, nor what the Neural Engine's driver holds elsewhere. The app looks 25 times a second and at every phase's end."},
	{[]string{harness.LifetimePeak}, "The kernel's own record of the highest footprint since the process began, the load of the model included. It misses nothing between two looks, and cannot say in which phase it was reached."},
	{[]string{harness.LeastAvailable}, "What the system said it would still let the app allocate, at its lowest: the distance to being ended."},
	{[]string{harness.PeakFootprintHost}, "The same process seen from outside, over the tether, once per interval of telemetry. It is another metric with another reader and another clock: it is never mixed with the app's own."},
	{[]string{harness.Energy, harness.EnergyPerToken},
		"Of the whole device, from its battery's gauge, over the measured iterations. A method that ends in -net has the power of an idle window before the work taken off. " +
			"The figure after ± is half of a 95 % interval: what the gauge publishes and when, the idle window, gaps. The gauge's own calibration is not in it."},
}

// meaningsOf are the meanings of the figures that a case has a value for.
func (c Case) meaningsOf() []meaning {
	var out []meaning
	for _, m := range meanings {
		label := ""
		for _, metric := range m.metrics {
			if f, ok := c.figureOf(metric); ok && f.Absent == "" {
				if label != "" {
					label += "; "
				}
				label += f.Label
			}
		}
		if label != "" {
			out = append(out, meaning{label, m.text})
		}
	}
	return out
}
