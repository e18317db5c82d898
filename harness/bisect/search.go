package bisect

import "fmt"

// Answer is what is known of a revision.
type Answer string

const (
	Unknown Answer = ""
	Good    Answer = "good"
	Bad     Answer = "bad"
	Skipped Answer = "skipped" // it could not be built, or its measurement decided nothing
)

// Search is a search among revisions 0 … n-1, oldest first. What comes before revision 0 is good, and revision n-1 is bad.
type Search struct{ answers []Answer }

// New begins a search among so many revisions, of which the last is bad.
func New(n int) (*Search, error) {
	if n < 1 {
		return nil, fmt.Errorf("%d revisions to search: at least the bad one is needed", n)
	}
	s := &Search{answers: make([]Answer, n)}
	s.answers[n-1] = Bad
	return s, nil
}

// Tell keeps the answer of a revision.
func (s *Search) Tell(revision int, answer Answer) { s.answers[revision] = answer }

// Suspects are the revisions that may be the first bad one, from the first to the last: one revision when it is found.
// Where answers contradict each other, as when noise has called a good revision bad, the oldest bad one counts.
func (s *Search) Suspects() (first, last int) {
	for last = 0; s.answers[last] != Bad; last++ {
	}
	for first = last; first > 0 && s.answers[first-1] != Good; first-- {
	}
	return first, last
}

// Next is the revision to ask about: of those that nothing is known of, the one nearest to the middle of the suspects,
// the older of two. ok is false when no answer can narrow them down further.
func (s *Search) Next() (revision int, ok bool) {
	first, last := s.Suspects()
	middle := first + (last-first-1)/2
	for away := 0; away < last-first; away++ {
		for _, at := range []int{middle - away, middle + away} {
			if at >= first && at < last && s.answers[at] == Unknown {
				return at, true
			}
		}
	}
	return 0, false
}

// Left is about how many answers are still needed, if none is skipped.
func (s *Search) Left() int {
	first, last := s.Suspects()
	left := 0
	for n := last - first + 1; n > 1; n = (n + 1) / 2 {
		left++
	}
	return left
}
