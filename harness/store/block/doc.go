// Package block writes all that one launch yielded as one compact value, and reads it back byte for byte: event lines,
// iterations with their tokens, samples, battery readings, absences and notices come in; bytes go out.
//
// A night of a lab is some hundred thousand iterations of a hundred tokens each, and what costs space in it are time
// stamps: a stamp's jitter is noise that nothing can foresee, some 13 bits of it. Everything else can be foreseen. So
// lines are taken apart into their shape, which repeats, and their numbers, which are written as what they differ by
// from what was expected of them, by an adaptive arithmetic coder (Martin 1979; the binary form is that of LZMA by Igor
// Pavlov, public domain). Figures that follow from an iteration's own stamps by a fixed formula are written as that
// formula's name, where it gives the very same float.
//
// Nothing is rounded and nothing left out: what cannot be foreseen is written as it is. Expectations are part of the
// format, so they never change; a better one is a new version.
package block
