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
			What: "prompt tokens over the duration of prefill",
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
			What:    "highest memory footprint, sampled by the app",
			Meaning: ownFootprint,
		},
		{
			Name: LoadedFootprint, Label: "memory once loaded, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, Optional: true,
			What:    "memory footprint after the model load, sampled by the app",
			Meaning: ownFootprint,
		},
		{
			Name: PeakPrefill, Label: "peak memory in prefill, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, PerIteration: true, Optional: true,
			What:    "highest memory footprint during prefill, sampled by the app",
			Meaning: ownFootprint,
		},
		{
			Name: PeakDecode, Label: "peak memory in decode, app",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, PerIteration: true, Optional: true,
			What:    "highest memory footprint during decode, sampled by the app",
			Meaning: ownFootprint,
		},
		{
			Name: LifetimePeak, Label: "peak memory of the process, kernel",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal, Optional: true,
			What: "highest memory footprint of the process, from the kernel's ledger",
			Meaning: "The kernel's own record of the highest footprint since the process began, the model load included. It misses no " +
				"peak between two samples, but does not say in which phase the peak was.",
		},
		{
			Name: LeastAvailable, Label: "least memory left, app",
			Unit: "B", Better: Higher, Assume: AssumeLogNormal, Optional: true,
			What:    "least memory that the app could still have allocated",
			Meaning: "The lowest value of what the system would still let the app allocate before terminating it.",
		},
		{
			Name: PeakFootprintHost, Label: "peak memory, host",
			Unit: "B", Better: Lower, Assume: AssumeLogNormal,
			What:   "highest memory footprint of the process, sampled by the host",
			Absent: "the host took no sample of the process",
			Meaning: "The same process, sampled by the host once per telemetry interval. It is a separate metric with a separate " +
				"clock, and is never mixed with the app's own samples.",
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
			What: "time from the first token until throughput stays below 90 % of the peak window",
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
	ownFootprint = "The app's physical footprint, which the system compares with the app's memory limit: dirty and compressed pages, " +
		"and memory that drivers allocate for the app. Not included: weights that are mapped from a file and only read, " +
		"and memory that the Neural Engine's driver books elsewhere. The app samples it 25 times a second and at the end " +
		"of every phase."
	deviceEnergy = "Energy of the whole device, from its battery gauge, over the measured iterations. A method that ends in -net " +
		"subtracts the power of an idle window before the work. The figure after ± is half the width of a 95 % interval, " +
		"which covers the timing of the gauge's publications, the idle window and gaps, but not the gauge's calibration."
)
