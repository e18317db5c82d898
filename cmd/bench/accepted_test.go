package main

import (
	"bytes"
	stdflag "flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var acceptReason = stdflag.String("accept", "", "`reason` to accept a new baseline of the simulated phone in baselines/simulated; the "+
	"test fails all the same, so that somebody reads it")

// accepted are the flags of the gate that continuous integration runs on the simulated phone.
var accepted = []string{"--device", "simulated-iphone15", "--scenario", "chat", "--policy", "simulated"}

// TestAcceptedBaseline gates the simulated phone against the baseline that lies in the repository, as continuous
// integration does: harness, protocol and simulation give what was accepted.
func TestAcceptedBaseline(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	if *acceptReason != "" {
		acceptNights(t)
	}
	gate := func(want int, more ...string) string {
		args := append([]string{"gate", "--stored", "--baselines", "baselines/simulated", "--data", t.TempDir()}, accepted...)
		return nightly(t, 30, want, append(args, more...)...)
	}
	assert.Regexp(t, `(?m)^  decode\S* +pass `, gate(exitOK))
	assert.Regexp(t, `(?m)^  decode\S* +regression `, gate(exitRegression, "--build", "app-speed=0.7"), "the gate can fail")
}

// acceptNights makes eight nights of the simulated phone and accepts them.
func acceptNights(t *testing.T) {
	data := t.TempDir()
	revision, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	require.NoError(t, err)
	bench := func(night int, args ...string) string {
		var out, errs bytes.Buffer
		env := stillEnv(&out, &errs)
		env.Clock, env.Revision = nightClock{now: time.Date(2026, 11, night, 1, 0, 0, 0, time.UTC)}, strings.TrimSpace(string(revision))
		require.Equal(t, exitOK, run(t.Context(), env, append(args, "--data", data)), errs.String())
		return out.String()
	}
	for night := 1; night <= 8; night++ {
		bench(night, "run", "--html=false", "--seed", fmt.Sprint(100+night), "--device", "simulated-iphone15", "--scenario", "chat")
	}
	said := bench(8, "baseline", "accept", "--baselines", "baselines/simulated", "--by", "maintainers", "--reason", *acceptReason)
	require.Empty(t, said, "accepted: read it, then run the test without -accept")
}
