package reports

import (
	"io"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/compare"
	"github.com/lilims/bench/harness/release"
)

// Terminal is a writer that shows colours: texts written to it have the words of verdicts in colour.
type Terminal struct{ io.Writer }

// paint colours words, or leaves them as they are.
type paint bool

func paintFor(w io.Writer) paint {
	_, shows := w.(Terminal)
	return paint(shows)
}

// All codes are of one length, so that the words keep their columns.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

func (p paint) in(colour, word string) string {
	if !p {
		return word
	}
	return colour + word + plain
}

// judgement is the answer of a verdict: red for a loss, green for none, yellow for what is not decided.
func (p paint) judgement(j harness.Judgement) string {
	switch compare.ResultOf(j) {
	case compare.Failed:
		return p.in(red, judgement(j))
	case compare.Undecided:
		return p.in(yellow, judgement(j))
	}
	return p.in(green, judgement(j))
}

// status is a word for the status of a release's check.
func (p paint) status(s release.Status, word string) string {
	switch s {
	case release.Fail:
		return p.in(red, word)
	case release.Pass:
		return p.in(green, word)
	}
	return p.in(yellow, word)
}
