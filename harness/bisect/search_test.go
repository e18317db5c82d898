package bisect

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// find searches with answers of ask and returns the suspects and how many were asked about.
func find(t *testing.T, n int, ask func(int) Answer) (first, last, asked int) {
	t.Helper()
	s, err := New(n)
	require.NoError(t, err)
	seen := map[int]bool{}
	for {
		at, ok := s.Next()
		if !ok {
			first, last = s.Suspects()
			return first, last, asked
		}
		require.GreaterOrEqual(t, at, 0, "of %d revisions, %d is asked about (before: %v)", n, at, seen)
		require.Less(t, at, n-1, "of %d revisions, %d is asked about (before: %v)", n, at, seen)
		require.False(t, seen[at], "of %d revisions, %d is asked about (before: %v)", n, at, seen)
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
			require.Equal(t, bad, first, "of %d revisions with %d the first bad: %d to %d", n, bad, first, last)
			require.Equal(t, bad, last, "of %d revisions with %d the first bad: %d to %d", n, bad, first, last)
			require.LessOrEqual(t, asked, bits.Len(uint(n-1)), "of %d revisions", n)
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
			assert.Equal(t, c.first, first, "suspects")
			assert.Equal(t, c.last, last, "suspects")
		})
	}
}

// TestContradictions has revisions that are bad, good again, and bad: some first bad one after a good one is found.
func TestContradictions(t *testing.T) {
	answers := []Answer{Good, Bad, Bad, Good, Good, Bad, Bad, Good, Bad, Bad}
	first, last, _ := find(t, len(answers), func(at int) Answer { return answers[at] })
	require.Equal(t, last, first, "suspects")
	require.Equal(t, Bad, answers[first], "suspects")
	if first > 0 {
		assert.Equal(t, Good, answers[first-1], "suspects")
	}
}

func TestToldBefore(t *testing.T) {
	s, err := New(100)
	require.NoError(t, err)
	s.Tell(10, Good)
	s.Tell(12, Bad)
	at, ok := s.Next()
	assert.Equal(t, 11, at, "Next() = %d, %v", at, ok)
	assert.True(t, ok, "Next() = %d, %v", at, ok)
	assert.Equal(t, 1, s.Left(), "Next() = %d, %v", at, ok)
	_, err = New(0)
	require.Error(t, err, "a search among no revisions has begun")
}
