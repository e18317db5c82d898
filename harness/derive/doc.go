// Package derive turns the event lines of one launch into iterations, samples and curves: the step between what an app
// wrote and what a store keeps. Decoded lines ([wire.Line]) come in one at a time; iterations with their outcome,
// figures in base units (s, B, tok/s), problems for people and, at the end, the reason of every missing figure go out.
//
// [Fold] keeps the rules of the protocol in one place: a line that cannot be read, an event of a later version, a gap
// in seq or time stamps that go back make the iteration around them invalid, and reading goes on. It is a state machine
// without clock, goroutine or file: the same lines give the same figures, live or read again years later.
//
// [Curve] looks at a recorded session again, window by window, for reports of sustained load.
package derive
