// Package harness holds the words of the lab: the types that every other package passes on, and the few small
// interfaces between them. It performs no I/O, computes no figure, and imports the standard library only.
//
// # The map
//
//	config -> plan -> engine -> store -> compare -> reports
//	                    |                gate, trend
//	                 runners (iphone, local, simulated)
//
// A command loads the [Catalog], the built-in one with what an own configs/ adds and overrides, builds a [Plan] from a
// selection and a seed, and hands it to the engine with one [Runner]. The engine decodes event lines (wire), computes
// figures from them (derive, power), and writes every [Iteration] and [Sample] to a recorder the moment it arrives. Where
// builds are compared, experiment repeats this in rounds of interleaved pairs.
//
// From the recorded sessions on, run, compare, gate, trend and report are one path: compare turns them into verdicts by the
// rule of gate, trend finds lasting changes in histories, reports prints. MetricKit payloads come in through metrickit and
// ingest, and crosscheck compares them with what was recorded. No stage calls back to an earlier one. ARCHITECTURE.md has
// the whole tree.
//
// # The lab
//
//   - [Device]: a thing in the lab: UDID, name, product type, chip, memory, OS build.
//   - [DeviceKind]: what stands behind a device: a phone, a virtual phone, this host, a simulation, someone else's file.
//   - [DeviceState]: what a device reports of itself now: thermal state, battery, low-power mode, free memory and disk.
//   - [ThermalState]: how hot the device says that it is, from nominal to critical.
//   - [BatteryReading]: one reading of the battery's gauge, in the gauge's own units of measure.
//   - [Runner]: one way of running sessions: it lists devices and opens one.
//   - [Leasing]: a runner whose devices no other process of the host can open meanwhile.
//   - [Handle]: a device held for a run: it installs, launches, reads. A session, by contrast, is one launch.
//   - [Gauge]: a handle that can also read its device's battery between launches.
//   - [Timed]: a handle whose device has a clock of its own, on which everything that concerns it is waited for.
//   - [Clock]: time as the harness knows it, injected, so that tests and simulated devices own it.
//   - [Stepped]: a clock that keeps an even pace when the wall clock is set, and knows by how much it was.
//   - [Sink]: what receives all that a launch yields, in order.
//   - [Progress]: how far a long step has come, for people.
//
// # What is measured
//
//   - [Catalog]: all that configs/ says, by name.
//   - [DeviceProfile]: what is known of a product type before one is attached.
//   - [ModelEntry]: a model of the catalogue: where its package lies, or the [ModelFile] list that it is made of, each with
//     its [FileSource] list.
//   - [Model]: a converted model: .mlpackage, tokenizer and manifest.json, identified by content hash.
//   - [Build]: a bench app build: bundle id, revision, configuration, hash.
//   - [Arm]: the side of a comparison that a build is on: baseline or candidate.
//   - [Scenario]: what is asked: prompt length, tokens to generate, KV depth, warm-ups, iterations, thermal rule.
//   - [ComputeUnits]: which processors Core ML is allowed to use.
//   - [Placement]: the processor on which Core ML means to run operations of a model's function.
//   - [Case]: Device x Model x Scenario, the unit of comparison.
//   - [Plan]: the ordered list of planned sessions, arms interleaved, from a seed. Same input, same plan.
//   - [PlannedSession]: one planned launch of the app on one device. A session is the unit of replication for statistics.
//   - [Reference]: how fast a device generated when it was cold, by its [ReferenceKey]: what a probe is compared with.
//
// # What a run yields
//
//   - [Run]: one execution of a plan: id, revision, fingerprint, start, end, synthetic or not.
//   - [Fingerprint]: all that must agree before two runs may be compared: device, OS build, model, scenario, Protocol,
//     power mode.
//   - [Prepared]: what was installed and copied before a launch.
//   - [Task]: one launch: what the app is told, and how long to wait for it.
//   - [SessionBegin]: a launch that is about to be made, or was refused. Each attempt at a planned session has its own.
//   - [SessionEnd]: how a launch ended, with its counts. A session without one was cut off.
//   - [Exit]: how the app's process ended, as the runner saw it.
//   - [Outcome]: how an iteration or a session ended, in one word: ok, thermal, jetsam, timeout, app_crash and so on.
//   - [EventLine]: one line of the app's event file as it arrived, kept as evidence.
//   - [Iteration]: one prompt-to-last-token execution, always with an [Outcome].
//   - [Sample]: one reading of one metric: value, unit, time, [Source].
//   - [Source]: who took a sample: the app, the host, a computation, an import, a model.
//   - [Metric]: name, label, unit, which direction is [Better], and the [Assumption] that a comparison makes of it.
//   - [Absence]: why a figure is missing.
//   - [Payload]: a MetricKit payload as the phone delivered it, kept raw.
//   - [Taken]: a payload that was ingested from a file, with what could be read of it.
//   - [Notice]: something that people want to find with a run: a wait, a retry, a lost device.
//   - [Entry]: one thing that a run yields on its way to the store; exactly one of its fields is set.
//
// # What a store gives back
//
//   - [Recorded]: all that is known of a run, with a [RecordedSession] for each launch and a [SessionNotice] for each notice.
//   - [RunState]: what is needed to resume a run, with a [SessionState] for each launch.
//   - [RunSummary]: one line of a list of runs, with each [RunNote] that somebody has added to it; a [RunQuery] selects runs.
//   - [SeriesQuery]: which launches, and which metric of them, a store is asked for.
//   - [SessionSeries]: one metric's kept readings of one launch: what every comparison is made of.
//
// # What is decided
//
//   - [Policy]: which metrics are judged and by what thresholds, floors and limits, and when a device is fit to measure.
//   - [Judgement]: the gate's answer in one word: pass, regression, improvement, near_threshold, inconclusive, no_baseline,
//     incomparable, over_limit, differs, missing.
//   - [Verdict]: a judgement of one metric of one case, with its evidence.
//   - [Baseline]: an accepted build with its series for a case, with provenance: a [BaselineNight] for each night.
//   - [Claims]: what a release promises, each [Claim] of one device and scenario and a [MemoryClaim], for the release's checks.
//   - [CrossCheck]: MetricKit's figures of a device and a day beside those of the runs in it, one [CrossCheckRow] a quantity.
//   - [Scale]: the unit in which a value of a base unit is printed.
//   - [Error]: what failed, on which device, why, and what to do next; its [Kind] decides the exit code.
//
// Values are stored in base units (s, B, J, tok/s) and scaled only where they are printed. A value that was not
// measured is absent: a nil pointer or a missing map entry, never 0 and never -1.
package harness
