package main

import (
	"strings"
	"testing"
)

// TestPooledNights takes a comparison that one night leaves open through a second night, and on to a person.
func TestPooledNights(t *testing.T) {
	shortNights(t)
	args := []string{"gate", "--device", "simulated-iphone15", "--build", "app-speed=0.9", "--baseline", "app", "--metric", "decode_tok_s",
		"--max-pairs", "8", "--strict", "--continue"}
	runs := func(night int) int { return strings.Count(nightly(t, night, exitOK, "runs"), "2026") }

	if got := nightly(t, 1, exitInconclusive, args...); !strings.Contains(got, "8 pairs") || strings.Contains(got, "a person") {
		t.Errorf("the first night says\n%s", got)
	}
	first := runs(1)
	// Later in the same night there is nothing to go on with.
	if got := nightly(t, 1, exitInconclusive, args...); !strings.Contains(got, "8 pairs") || runs(1) != first {
		t.Errorf("the same night says, after %d runs and %d,\n%s", first, runs(1), got)
	}
	const person = "undecided after 2 nights: a person has to decide"
	if got := nightly(t, 2, exitInconclusive, args...); !strings.Contains(got, "16 pairs") || !strings.Contains(got, person) {
		t.Errorf("the second night says\n%s", got)
	}
	second := runs(2)
	if second == first {
		t.Error("the second night has measured nothing")
	}
	if got := nightly(t, 3, exitInconclusive, args...); !strings.Contains(got, "undecided after 2 nights: a person has to decide") {
		t.Errorf("the third night says\n%s", got)
	}
	if n := runs(3); n != second {
		t.Errorf("the third night has measured: %d runs, %d before", n, second)
	}
	// Other builds begin anew.
	args[4] = "app-speed=0.7"
	if got := nightly(t, 3, exitRegression, args...); !strings.Contains(got, "6 pairs") {
		t.Errorf("another build gets\n%s", got)
	}
}
