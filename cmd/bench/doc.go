// Bench measures language models on iPhones and judges builds. It is the only place that knows concrete runners and
// the store: it reads flags, wires the stages together, prints, and turns errors into exit codes. It measures nothing
// itself.
//
// # Measuring
//
// A run takes a device, a model, a scenario and a build. Every one but the device has a default: the small story model,
// which is built in as the catalogue is, the scenario quick, and what make has built. A device is named by its UDID, its name,
// its product type or its model; simulated ones and local need no phone. What a run would do can be seen first:
//
//	$ bench plan --device simulated-iphone15
//	SESSION         DEVICE               MODEL       SCENARIO  ARM        PAIR  ITERATIONS
//	s000-candidate  Simulated iPhone 15  stories-1m  quick     candidate  0     5 + 1 warm-up, at least 16s
//	s001-candidate  Simulated iPhone 15  stories-1m  quick     candidate  1     5 + 1 warm-up, at least 16s
//
// The run itself says on standard error where it stands, and prints its figures. They are marked where no phone gave
// them, and what could not be measured is listed with its reason:
//
//	$ bench run --device simulated-iphone15
//	run 20261123-120000-8ef9  2026-11-23 12:00:00 UTC, 0s
//
//	Simulated iPhone 15 · stories-1m 1.0.0 fp16 · quick
//	  SYNTHETIC: simulated device. Every number comes from a model on a virtual clock: nothing was measured.
//	  115 of 115 iterations measured in 2 sessions; thermal state nominal at the start, nominal at worst
//	…
//	database  data/bench.sqlite
//	report    data/reports/run-20261123-120000-8ef9.html
//
// Everything is recorded as it arrives. A run that was cut off, by a signal, a crash or a pulled cable, is taken up
// again with `bench run --resume`, which collects what the app has finished meanwhile.
//
// # Reading
//
// Recorded runs are listed and shown again, as text, Markdown, JSON or a page that needs no network:
//
//	$ bench runs
//	RUN                   STARTED           DEVICES                          CASES             SESSIONS  ITERATIONS  OUTCOME
//	20261123-120000-8ef9  2026-11-23 12:00  Simulated iPhone 15 (synthetic)  stories-1m/quick  2 of 2    115 of 115  2 ok
//
//	$ bench report --format md
//	# Run 20261123-120000-8ef9
//	…
//
//	$ bench report --all
//	data/reports/index.html
//
// # Before a release
//
// `bench release check` holds what a release claims (configs/claims) against what is recorded of it and what can be calculated:
// memory on the smallest phone that counts, the soak, speed, the size of app and model. It prints one page of checks, which
// pass, fail or are not measured; with --measure it makes the missing runs first.
//
// # When something is wrong
//
// A message says what failed, on which device, and what to do next:
//
//	$ bench run --device simulated-iphone15 --scenario quik
//	bench: plan the run: no scenario is called "quik"; did you mean "quick"?
//	  Correct the selection; `bench plan` shows a plan without running it.
//	exit 2
//
//	$ bench report 20250101-000000-0000
//	bench: find run: no run "20250101-000000-0000" is recorded
//	  `bench runs` lists the runs that are
//	exit 2
//
// Exit codes: 0 pass, 1 regression or a release check that fails, 2 usage or configuration, 3 device missing, busy or
// unfit, 4 inconclusive, missing or incomparable, 5 internal, 6 nothing measured, 130 or 143 ended by a signal. A run
// whose sessions were made and did not all end well is inconclusive.
package main
