// Package wire is what the app says to the host and the host to the app: one JSON object a line in events.jsonl, and
// one plan.json. The Swift side (BenchmarkKit) reads and writes the same fixture files, runtime/Tests/Fixtures/wire.
//
// # plan.json, host to app
//
// See [Task]. The app takes `--plan PATH`; paths inside are relative to the plan file's folder. The app writes
// events.jsonl beside the plan, opening it for append and never truncating: a second launch with the same plan
// continues the numbering where the file ends.
//
// # events.jsonl, app to host
//
// Every line has v (schema version, 1), seq (0, 1, 2, … without gaps), at_ns (the process's monotonic clock) and kind.
// Other fields depend on the kind, and absent means not measured: no field is ever 0 or -1 to say so.
//
//	hello            first line: agent version, pid, build, backend, device, clock pair (unix_ns with at_ns)
//	load             a model load: regime (first_ever, cold, warm), ns, model name, hash, bytes
//	iteration_begin  iteration, warmup, prompt_tokens
//	prefill          iteration, prompt_tokens, ns
//	tokens           iteration, first (index of the first), ids, at (time stamp of each, ns), text
//	sample           metric, value, unit, phase, iteration
//	thermal          state
//	memory_warning   the system asked for memory back
//	payload          file: a MetricKit payload was written beside the events
//	iteration_end    iteration, outcome, reason, tokens, text
//	error            iteration (absent: of the session), code, message
//	end              count (iterations that ended), reason
//
// A process that finds a file ending in the middle of a line writes a newline first. The lines of one process may
// cross by up to 100 ms in at_ns (probes stamp before they queue); a larger step back is a clock that went back.
// Readings of memory carry the phase in which they were taken: load, prefill, decode. footprint_bytes is the app's own
// footprint, now and then and at each phase's end; with the latter come ledger_peak_bytes (highest of the process so far,
// by the kernel's ledger), available_bytes (least of the phase that could still be allocated) and neural_bytes (booked as
// the Neural Engine's), where the system tells them. Figures are derived from them by the host (package derive).
//
// A reader skips kinds and fields that it does not know. A line that it cannot read becomes a [Garbled] with its
// number and text; reading goes on, and the iteration around it counts as invalid. So does one with an event of a later
// version, a gap in seq, or time stamps that go back: package derive keeps these rules, in one place.
//
// # Lines
//
// [Lines] cuts the file, for every runner alike. A line ends in \n, and a \r before it belongs to the ending. An empty
// line counts. Every other byte is passed on as it came, NULs and invalid UTF-8 included; decoding finds them garbled. Of a
// line longer than [MaxLine] the first MaxLine bytes are passed on. A last line without \n is not complete: it is waited
// for, and passed on as it stands once its writer has ended.
package wire
