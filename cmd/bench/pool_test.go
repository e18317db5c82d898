package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPooledNights takes a comparison that one night leaves open through a second night, and on to a person.
func TestPooledNights(t *testing.T) {
	shortNights(t)
	args := []string{"gate", "--device", "simulated-iphone15", "--build", "app-speed=0.9", "--baseline", "app", "--metric", "decode_tok_s",
		"--max-pairs", "8", "--strict", "--continue"}
	runs := func(night int) int { return strings.Count(nightly(t, night, exitOK, "runs"), "2026") }

	got := nightly(t, 1, exitInconclusive, args...)
	assert.Contains(t, got, "8 pairs", "the first night says\n%s", got)
	assert.NotContains(t, got, "a person", "the first night says\n%s", got)
	first := runs(1)
	// Later in the same night there is nothing to go on with.
	got = nightly(t, 1, exitInconclusive, args...)
	assert.Contains(t, got, "8 pairs", "the same night says, after %d runs and %d,\n%s", first, runs(1), got)
	assert.Equal(t, first, runs(1), "the same night says, after %d runs and %d,\n%s", first, runs(1), got)
	const person = "undecided after 2 nights: a person has to decide"
	got = nightly(t, 2, exitInconclusive, args...)
	assert.Contains(t, got, "16 pairs", "the second night says\n%s", got)
	assert.Contains(t, got, person, "the second night says\n%s", got)
	second := runs(2)
	assert.NotEqual(t, first, second, "the second night has measured nothing")
	got = nightly(t, 3, exitInconclusive, args...)
	assert.Contains(t, got, "undecided after 2 nights: a person has to decide", "the third night says\n%s", got)
	n := runs(3)
	assert.Equal(t, second, n, "the third night has measured: %d runs, %d before", n, second)
	// Other builds begin anew.
	args[4] = "app-speed=0.7"
	got = nightly(t, 3, exitRegression, args...)
	assert.Contains(t, got, "6 pairs", "another build gets\n%s", got)
}
