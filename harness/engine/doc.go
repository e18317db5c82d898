// Package engine executes a plan: the only loop of the harness. A [harness.Plan] and a [harness.Runner] come in; every
// event line, iteration, sample, battery reading and absence goes out to a [Recorder] the moment it is known. It owns
// time limits, the wait for a fit device, retries and resumption. It must never know a concrete runner, a store or a
// report, and it reads time from the injected clock alone.
package engine
