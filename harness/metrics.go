package harness

// Metrics lists every metric that a session can yield, in the order in which tables show them. An entry here is all that
// the host needs of a metric that the app sends as a reading of its own: it is then derived, stored, reported and judged.
func Metrics() []Metric {
	return []Metric{
		{
			Name: DecodeTokS, Label: "decode",
			Unit: "tok/s", Better: Higher, Assume: AssumeLogNormal, PerIteration: true,
			What: "tokens after the first, over the time from the first to the last",
		},
		{
			Name: PrefillTokS, Label: "prefill",
			Unit: "tok/s", Better: Higher, Assume: AssumeLogNormal, PerIteration: true,
			What: "prompt tokens over the duration of the prompt's pass",
		},
		{
			Name: TTFTFirstEver, Label: "time to first token, first ever",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal,
			What:   "request to first token in the first process after an install",
			Absent: "no launch was the first after an install",
		},
		{
			Name: TTFTCold, Label: "time to first token, cold",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal,
			What:   "request to first token in the first iteration of a process",
			Absent: "no process's first iteration ended ok",
		},
		{
			Name: TTFT, Label: "time to first token, warm",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal, PerIteration: true,
			What: "request to first token, model loaded and warm",
		},
		{
			Name: ITLP50, Label: "inter-token latency p50",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal, PerIteration: true,
			What: "inter-token latency, median",
		},
		{
			Name: ITLP95, Label: "inter-token latency p95",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal, PerIteration: true,
			What: "inter-token latency, 95th percentile",
		},
		{
			Name: ITLP99, Label: "inter-token latency p99",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal, PerIteration: true,
			What: "inter-token latency, 99th percentile",
		},
		{
			Name: LoadFirstEver, Label: "load, first ever",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal,
			What:   "model load, first after an install (compiles)",
			Absent: "no launch was the first after an install",
		},
		{
			Name: LoadCold, Label: "load, cold",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal,
			What:   "model load, first of a process",
			Absent: "every load was the first after an install",
		},
		{
			Name: LoadWarm, Label: "load, warm",
			Unit: "s", Better: Lower, Assume: AssumeLogNormal,
			What:   "model load, again in the same process",
			Absent: "the model was loaded once per process",
		},
		{
			Name: PeakFootprint, Label: "peak memory, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal,
			What:    "highest footprint that the app saw of itself",
			Meaning: ownFootprint,
		},
		{
			Name: LoadedFootprint, Label: "memory once loaded, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, Optional: true,
			What:    "the app's footprint when its model had been loaded",
			Meaning: ownFootprint,
		},
		{
			Name: PeakPrefill, Label: "peak memory in prefill, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, PerIteration: true, Optional: true,
			What:    "highest footprint that the app saw during the prompt's pass",
			Meaning: ownFootprint,
		},
		{
			Name: PeakDecode, Label: "peak memory in decode, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, PerIteration: true, Optional: true,
			What:    "highest footprint that the app saw while it generated",
			Meaning: ownFootprint,
		},
		{
			Name: LifetimePeak, Label: "peak memory of the process, kernel",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, Optional: true,
			What: "highest footprint of the process's life by the kernel's ledger",
			Meaning: "The kernel's own record of the highest footprint since the process began, the load of the model included. It " +
				"misses nothing between two looks, and cannot say in which phase it was reached.",
		},
		{
			Name: LeastAvailable, Label: "least memory left, app",
			Unit: "B", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What:    "least memory that the system would still have let the app allocate",
			Meaning: "What the system said it would still let the app allocate, at its lowest: the distance to being ended.",
		},
		{
			Name: PeakFootprintHost, Label: "peak memory, host",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal,
			What:   "highest footprint that the host saw of the process",
			Absent: "the host took no sample of the process",
			Meaning: "The same process seen from outside, over the tether, once per interval of telemetry. It is another metric with " +
				"another reader and another clock: it is never mixed with the app's own.",
		},
		{
			Name: Energy, Label: "energy per session",
			Unit: "J", Better: Lower, Assume: AssumeLogNormal,
			What:    "device energy over the session, idle subtracted where stated",
			Absent:  "no battery gauge was read",
			Meaning: deviceEnergy,
		},
		{
			Name: EnergyPerToken, Label: "energy per token",
			Unit: "J", Better: Lower, Assume: AssumeLogNormal,
			What:    "device energy per generated token",
			Absent:  "no battery gauge was read",
			Meaning: deviceEnergy,
		},
		{
			Name: Retention60, Label: "throughput kept at 60 s",
			Unit: "ratio", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What: "throughput at 60 s over the peak window",
		},
		{
			Name: Retention300, Label: "throughput kept at 300 s",
			Unit: "ratio", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What: "throughput at 300 s over the peak window",
		},
		{
			Name: TimeTo90, Label: "time to 90 % of peak",
			Unit: "s", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What: "first token to the time when throughput has lastingly fallen below 90 % of the peak window",
		},
		{
			Name: TimeTo75, Label: "time to 75 % of peak",
			Unit: "s", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What: "the same for 75 %",
		},
		{
			Name: Perplexity, Label: "perplexity",
			Unit: "1", Better: Lower, Assume: AssumeExact, Sent: true, Optional: true,
			What: "of the scenario's text, in the first launch",
		},
		{
			Name: ModelBytes, Label: "model on disk",
			Unit: "B", Better: Lower, Assume: AssumeExact, Optional: true,
			What: "size of the model on disk",
		},
		{
			Name: GreedyMatch, Label: "greedy tokens in common with the baseline",
			Unit: "ratio", Better: Higher, Assume: AssumeExact, Optional: true,
			What: "share of greedily generated tokens that the candidate has in common with the baseline",
		},
	}
}

// What a reader must know of figures that mean the same.
const (
	ownFootprint = "The app's own footprint as the system counts it when it ends an app for memory: pages that the app wrote to, " +
		"compressed ones, and what drivers hold in its name. Weights that are mapped from a file and only read are not in " +
		"it, nor what the Neural Engine's driver holds elsewhere. The app looks 25 times a second and at every phase's " +
		"end."
	deviceEnergy = "Of the whole device, from its battery's gauge, over the measured iterations. A method that ends in -net has the " +
		"power of an idle window before the work taken off. The figure after ± is half of a 95 % interval: what the gauge " +
		"publishes and when, the idle window, gaps. The gauge's own calibration is not in it."
)
