// Package experiment is the sequential design by which builds are measured and compared. In come a selection, a runner and
// a database, the last only through [Recorder]; out come recorded runs and, where two builds are compared, verdicts.
//
// A [Setup] executes one run; it is the only place that makes an engine. An [Experiment] measures its selection in rounds,
// each of them a run. A [Gate] adds rounds of interleaved pairs until every verdict stands or the limits are reached: pairs,
// device time, nights. It can go on from pairs of an earlier night, and screen a candidate by stored nights first.
//
// It prints nothing: where an experiment stands goes out through [Events], and time comes in through a [harness.Clock].
package experiment
