package bisect

import (
	"math/bits"
	"testing"
)

// find searches with answers of ask and returns the suspects and how many were asked about.
func find(t *testing.T, n int, ask func(int) Answer) (first, last, asked int) {
	t.Helper()
	s, err := New(n)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for {
		at, ok := s.Next()
		if !ok {
			first, last = s.Suspects()
			return first, last, asked
		}
		if at < 0 || at >= n-1 || seen[at] {
			t.Fatalf("of %d revisions, %d is asked about (before: %v)", n, at, seen)
		}
		seen[at] = true
		asked++
		s.Tell(at, ask(at))
	}
}

func since(bad int) func(int) Answer {
	return func(at int) Answer {
		if at >= bad {
			return Bad
		}
		return Good
	}
}

func TestEveryFirstBadIsFound(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for bad := range n {
			first, last, asked := find(t, n, since(bad))
			if first != bad || last != bad {
				t.Fatalf("of %d revisions with %d the first bad: %d to %d", n, bad, first, last)
			}
			if most := bits.Len(uint(n - 1)); asked > most {
				t.Fatalf("of %d revisions: %d questions, want %d at the most", n, asked, most)
			}
		}
	}
}

func TestSkippedOnesWidenTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		skipped     []int
		bad         int
		first, last int
	}{
		"beside the first bad one":  {[]int{4}, 5, 4, 5},
		"the first bad one":         {[]int{5}, 5, 5, 6},
		"far away":                  {[]int{1, 8}, 5, 5, 5},
		"all but the ends":          {[]int{0, 1, 2, 3, 4, 5, 6, 7, 8}, 5, 0, 9},
		"the middle and around it":  {[]int{3, 4, 5, 6}, 2, 2, 2},
		"several before the answer": {[]int{3, 4, 5}, 6, 3, 6},
	} {
		t.Run(name, func(t *testing.T) {
			first, last, _ := find(t, 10, func(at int) Answer {
				for _, s := range c.skipped {
					if at == s {
						return Skipped
					}
				}
				return since(c.bad)(at)
			})
			if first != c.first || last != c.last {
				t.Errorf("suspects %d to %d, want %d to %d", first, last, c.first, c.last)
			}
		})
	}
}

// TestContradictions has revisions that are bad, good again, and bad: some first bad one after a good one is found.
func TestContradictions(t *testing.T) {
	answers := []Answer{Good, Bad, Bad, Good, Good, Bad, Bad, Good, Bad, Bad}
	first, last, _ := find(t, len(answers), func(at int) Answer { return answers[at] })
	if first != last || answers[first] != Bad || first > 0 && answers[first-1] != Good {
		t.Errorf("suspects %d to %d", first, last)
	}
}

func TestToldBefore(t *testing.T) {
	s, err := New(100)
	if err != nil {
		t.Fatal(err)
	}
	s.Tell(10, Good)
	s.Tell(12, Bad)
	if at, ok := s.Next(); at != 11 || !ok || s.Left() != 1 {
		t.Errorf("Next() = %d, %v with %d left, want the only one that is open", at, ok, s.Left())
	}
	if _, err := New(0); err == nil {
		t.Error("a search among no revisions has begun")
	}
}
