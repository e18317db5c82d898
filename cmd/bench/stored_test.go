package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/configs"
)

// nightClock stands still in one night.
type nightClock struct {
	stillClock
	now time.Time
}

func (c nightClock) Now() time.Time { return c.now }

// shortNights works in a folder whose catalogue is the shipped one, but for a scenario quick that is content with its five
// iterations: a simulated night then takes a tenth of the time.
func shortNights(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.CopyFS("configs", configs.Files))
	path := filepath.Join("configs", "scenarios", "quick.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	short := strings.Replace(string(text), "minimum_work: 16s\n", "", 1)
	require.NotEqual(t, string(text), short, "the scenario quick has no minimum_work to leave out")
	require.NoError(t, os.WriteFile(path, []byte(short), 0o644))
}

// nightly runs bench in the nth night of November and returns what it says.
func nightly(t *testing.T, night, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	env := stillEnv(&out, &errs)
	env.Clock = nightClock{now: time.Date(2026, 11, night, 1, 0, 0, 0, time.UTC)}
	code := run(context.Background(), env, args)
	require.Equal(t, want, code, "bench %s\n%s\n%s", strings.Join(args, " "), out.String(), withoutProgress(errs.String()))
	return out.String()
}

// TestStoredNights screens builds against a baseline of eight nights.
func TestStoredNights(t *testing.T) {
	shortNights(t)
	for night := 1; night <= 8; night++ {
		nightly(t, night, exitOK, "run", "--device", "simulated-iphone15", "--build", "app", "--sessions", "6", "--html=false", "--seed", "7")
	}
	assert.Contains(t, nightly(t, 9, exitOK, "baseline", "accept", "--by", "ann", "--reason", "eight nights"), "8 nights, 4", "accept says")
	for _, c := range []struct {
		name, build string
		night, exit int
		more        []string
		want        string
	}{
		{"the same", "app", 10, exitOK, nil, "decode  "},
		{"much slower", "app-speed=0.6", 11, exitRegression, nil, "regression"},
		{"first of two stages", "app", 12, exitOK, []string{"--baseline", "app"}, "the screen found no loss"},
		{"second stage", "app-speed=0.6", 13, exitRegression, []string{"--baseline", "app"}, "6 pairs"},
		{"stale", "app", 60, exitInconclusive, nil, "the stored baseline is stale: its last night, 2026-11-08"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"gate", "--device", "simulated-iphone15", "--stored", "--build", c.build, "--seed", "8"}, c.more...)
			got := nightly(t, c.night, c.exit, args...)
			assert.Contains(t, got, c.want, "the gate says\n%s", got)
		})
	}
}
