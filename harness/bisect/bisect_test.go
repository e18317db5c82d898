package bisect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// repository makes a git repository of so many changes after v0; app.txt holds the number of the change.
func repository(t *testing.T, changes int) Repository {
	t.Helper()
	r := Repository{Folder: t.TempDir(), Environ: append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")}
	git := func(args ...string) {
		_, err := r.git(t.Context(), args...)
		require.NoError(t, err)
	}
	git("init", "-q")
	for n := range changes + 1 {
		require.NoError(t, os.WriteFile(filepath.Join(r.Folder, "app.txt"), []byte(strconv.Itoa(n)), 0o644))
		git("add", ".")
		git("commit", "-q", "-m", fmt.Sprintf("change %d", n))
		git("tag", fmt.Sprintf("v%d", n))
	}
	return r
}

var decode, _ = harness.MetricNamed(harness.DecodeTokS)

// told collects what a search tells.
type told struct{ lines []string }

func (t *told) Begun(n int, good Revision)        { t.add("%d after %s", n, good.Subject) }
func (t *told) Limited(limit float64, r Revision) { t.add("limit %.3f of %s", limit, r.Subject) }
func (t *told) Left(steps int)                    { t.add("%d left", steps) }
func (t *told) Answered(r Revision, s Step)       { t.add("%s: %s", r.Subject, s.Text(decode)) }
func (t *told) add(format string, args ...any) {
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

// compareSince calls builds bad whose number is at least bad, with a loss of 20 %.
func compareSince(t *testing.T, bad int, limits *[]float64) Compare {
	return func(_ context.Context, baseline, candidate string, threshold float64) (Comparison, error) {
		if limits != nil {
			*limits = append(*limits, threshold)
		}
		text, err := os.ReadFile(candidate)
		require.NoError(t, err)
		number, err := strconv.Atoi(string(text))
		require.NoError(t, err)
		good, err := os.ReadFile(baseline)
		require.NoError(t, err)
		assert.Equal(t, "0", string(good))
		loss, judgement := 0.0, harness.Pass
		if number >= bad {
			loss, judgement = 0.2, harness.Regression
		}
		return Comparison{Verdict: &harness.Verdict{Judgement: judgement, Estimate: &loss, Pairs: 6}, Runs: []string{"r"}}, nil
	}
}

func bisection(t *testing.T, r Repository, command string, compare Compare) (*Bisection, *told) {
	events := &told{}
	return &Bisection{Good: "v0", Bad: "v8", Metric: decode, Compare: compare, Events: events,
		Builder: Builder{Repository: r, Folder: filepath.Join(t.TempDir(), "builds"), Command: command, Output: &bytes.Buffer{}}}, events
}

func TestFirstBadRevision(t *testing.T) {
	r := repository(t, 8)
	var limits []float64
	b, events := bisection(t, r, `cp app.txt "$BENCH_OUTPUT"`, compareSince(t, 5, &limits))
	found, err := b.Run(t.Context())
	require.NoError(t, err)
	require.Len(t, found.Suspects, 1)
	assert.Equal(t, "change 5", found.Suspects[0].Subject)
	assert.InDelta(t, 0.1, found.Threshold, 1e-12, "half of what the bad revision has lost")
	assert.InDelta(t, 0, limits[0], 0, "the bad revision itself is compared by the rule's own threshold")
	assert.Contains(t, events.lines, "limit 0.100 of change 8")
	assert.Equal(t, "8 after change 0", events.lines[0])
	assert.Equal(t, "change 8: bad, −20.0 % worse after 6 pairs", events.lines[1])

	trees, err := r.git(t.Context(), "worktree", "list")
	require.NoError(t, err)
	assert.NotContains(t, trees, "bench-bisect", "no work tree is left behind")
}

func TestUnbuildableRevisionsAreSkipped(t *testing.T) {
	b, _ := bisection(t, repository(t, 8), `grep -q '[45]' app.txt && exit 3; cp app.txt "$BENCH_OUTPUT"`, compareSince(t, 5, nil))
	found, err := b.Run(t.Context())
	require.NoError(t, err)
	var suspects []string
	for _, r := range found.Suspects {
		suspects = append(suspects, r.Subject)
	}
	assert.Equal(t, []string{"change 4", "change 5", "change 6"}, suspects)
	assert.Contains(t, found.Steps[1].Reason, "the build command failed: exit status 3")
}

func TestNothingGotWorse(t *testing.T) {
	b, _ := bisection(t, repository(t, 8), `cp app.txt "$BENCH_OUTPUT"`, compareSince(t, 99, nil))
	_, err := b.Run(t.Context())
	require.ErrorContains(t, err, "change 8 is not shown to be worse")
	assert.Equal(t, harness.KindIncomparable, harness.KindOf(err))
}

func TestADeviceThatIsGoneEndsTheSearch(t *testing.T) {
	gone := errors.New("gone")
	compare := func(context.Context, string, string, float64) (Comparison, error) { return Comparison{}, gone }
	b, events := bisection(t, repository(t, 8), `cp app.txt "$BENCH_OUTPUT"`, compare)
	_, err := b.Run(t.Context())
	require.ErrorIs(t, err, gone)
	assert.Len(t, events.lines, 1, "no answer is told")
}

func TestBuildsAreKept(t *testing.T) {
	r := repository(t, 1)
	count := filepath.Join(t.TempDir(), "count")
	command := fmt.Sprintf(`echo x >> %s; echo "$BENCH_ARM" > "$BENCH_OUTPUT"; chmod 755 "$BENCH_OUTPUT"`, count)
	builder := Builder{Repository: r, Folder: t.TempDir(), Command: command, Suffix: ".ipa", Output: &bytes.Buffer{}}
	v1, err := r.Named(t.Context(), "v1")
	require.NoError(t, err)
	first, err := builder.Build(t.Context(), v1, harness.ArmCandidate)
	require.NoError(t, err)
	again, err := builder.Build(t.Context(), v1, harness.ArmCandidate)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	other, err := builder.Build(t.Context(), v1, harness.ArmBaseline)
	require.NoError(t, err)
	assert.NotEqual(t, first, other)
	ran, err := os.ReadFile(count)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(ran), "x"), "once for each arm")
	info, err := os.Stat(first)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm(), "an executable stays one")
	assert.Equal(t, ".ipa", filepath.Ext(first))
}

func TestWhatGitDoesNotKnow(t *testing.T) {
	_, err := exec.LookPath("git")
	require.NoError(t, err)
	r := repository(t, 2)
	for _, c := range []struct {
		name, good, bad, want string
	}{
		{"no such revision", "none", "v1", "git log: exit status 128: fatal: "},
		{"the wrong way round", "v2", "v0", "does not come before"},
		{"one and the same", "v1", "v1", "no revision lies between"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, _ := bisection(t, r, "true", nil)
			b.Good, b.Bad = c.good, c.bad
			_, err := b.Run(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, harness.KindUsage, harness.KindOf(err))
		})
	}
	b, _ := bisection(t, r, "true", nil)
	b.Bad = "v2"
	_, err = b.Run(t.Context())
	require.ErrorContains(t, err, "wrote nothing to $BENCH_OUTPUT")
	assert.Equal(t, harness.KindBuild, harness.KindOf(err))
}
