// Package harness holds the words of the lab: the types that every other package passes on, and the few small
// interfaces between them. It performs no I/O and imports the standard library only.
//
// # The map
//
//	config -> plan -> engine -> store -> stats -> gate -> reports
//	                    |
//	                 runners (iphone, local, simulated)
//
// A command loads the [Catalog] from configs/, builds a [Plan] from a selection and a seed, hands it to the engine
// with one [Runner], and the engine writes every [Iteration] and [Sample] to a recorder the moment it arrives.
// From the recorded series on, run, compare, gate and report are one path. No stage calls back to an earlier one.
//
// # The words
//
//   - [Device]: a thing in the lab: UDID, name, kind, product type, chip, memory, OS build.
//   - [DeviceState]: what a device says of itself now: thermal state, battery, low-power mode, free memory and disk.
//   - [Model]: a converted model: .mlpackage, tokenizer and manifest.json, identified by content hash.
//   - [Build]: a bench app build: bundle id, revision, configuration, hash. A comparison has two arms.
//   - [Scenario]: what is asked: prompt length, tokens to generate, KV depth, warm-ups, iterations, thermal rule.
//   - [Case]: Device x Model x Scenario, the unit of comparison.
//   - [Plan]: the ordered list of planned sessions, arms interleaved, from a seed. Same input, same plan.
//   - [Run]: one execution of a plan: id, revision, fingerprint, start, end, synthetic or not.
//   - [PlannedSession]: one launch of the app on one device, the unit of replication for statistics.
//   - [Iteration]: one prompt-to-last-token execution, always with an [Outcome].
//   - [Sample]: one reading of one metric: value, unit, time, source.
//   - [Metric]: name, unit, which direction is better, and what is assumed of its distribution.
//   - [Fingerprint]: all that must agree before two runs may be compared: device, OS build, model, scenario, [Protocol],
//     power mode.
//   - [Baseline]: an accepted build with its series for a case, with provenance.
//   - [Verdict]: pass, regression, improvement, near_threshold, inconclusive, no_baseline, incomparable, over_limit, differs, missing.
//   - [Claims]: what a release promises, for the pre-launch gates.
//   - [Payload]: a MetricKit payload as the phone delivered it, kept raw.
//   - [CrossCheck]: what MetricKit says of a unit and a day, beside what the runs in it recorded.
//   - [Entry]: one thing that a run yields on its way to the store: a session's begin or end, an event line, an
//     iteration, a sample, a battery reading, an absence, a payload, a notice.
//   - [Scale]: the unit in which a value of a base unit is printed.
//
// Values are stored in base units (s, B, J, tok/s) and scaled only where they are printed. A value that was not
// measured is absent: a nil pointer or a missing map entry, never 0 and never -1.
package harness
