package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExitCodes: each code that the help lists has a command that ends with it, and README.md lists it too.
func TestExitCodes(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	lab := newFlagLab(t)
	t.Chdir(lab.folder)
	require.NoError(t, os.WriteFile("file", nil, 0o644))
	claims, err := os.ReadFile("claims.yaml")
	require.NoError(t, err)
	require.NoError(
		t, os.WriteFile("bold.yaml", bytes.Replace(claims, []byte("app_megabytes: 200"), []byte("app_megabytes: 0.001"), 1), 0o644),
	)
	for code, lines := range map[int][]string{
		exitOK:           {"runs", "devices", "plan " + phone},
		exitRegression:   {"gate --series slower.json", "release check --runner simulated --claims bold.yaml --app app.ipa"},
		exitUsage:        {"runs --nothing", "report no-such-run", "run " + phone + " --data file/data", "plan " + phone + " --model ./nowhere"},
		exitDevice:       {"run --device iPhone15 --build app.ipa", "run --policy unfit " + phone},
		exitInconclusive: {"gate --max-pairs 8 " + undecided, "release check --claims claims.yaml"},
		exitNothing: {"run --env LILIMS_FAULT=crash@token:1 " + phone,
			"gate --build one --baseline two --env LILIMS_FAULT=crash@token:1 " + phone,
			"calibrate --pairs 2 --env LILIMS_FAULT=crash@token:1 " + phone},
	} {
		for _, line := range lines {
			exit, out, errs := runLine(t, stillClock{}, line)
			assert.Equal(t, code, exit, "bench %s\n%s%s", line, out, errs)
		}
		assert.Contains(t, string(readme), fmt.Sprintf("\n| %d | ", code))
		assert.Contains(t, exitCodes, fmt.Sprintf("%d ", code))
	}
	assert.Contains(t, string(readme), fmt.Sprintf("\n| %d | ", exitInternal))
}

// TestEndedBySignal: a program that a signal has ended says which by its exit code, as a shell does.
func TestEndedBySignal(t *testing.T) {
	t.Chdir(t.TempDir())
	for ended, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(signalError{ended})
		var out, errs bytes.Buffer
		exit := run(ctx, stillEnv(&out, &errs), strings.Fields("run "+phone))
		assert.Equal(t, want, exit, errs.String())
	}
}
