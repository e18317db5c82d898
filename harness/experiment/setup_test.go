package experiment_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
)

func (l *lab) plan() harness.Plan {
	setup := l.setup()
	p, err := plan.Build(setup.Catalog, l.selectionOf(build(harness.ArmCandidate, "one", "")))
	require.NoError(l.t, err)
	return p
}

func TestRunIsRecorded(t *testing.T) {
	l := newLab(t)
	var collected []string
	setup := l.setup()
	setup.Collect = func(_ context.Context, run string) error { collected = append(collected, run); return nil }
	run, report, err := setup.Run(t.Context(), l.plan())
	require.NoError(t, err)
	assert.Len(t, report.Ended, 2)
	assert.Equal(t, []string{run.ID}, collected)
	recorded, err := l.recorder.Read(t.Context(), run.ID)
	require.NoError(t, err)
	assert.Equal(t, "0123abc", recorded.Run.Revision)
	assert.True(t, recorded.Run.Synthetic)
	for _, s := range recorded.Sessions {
		assert.Equal(t, harness.Protocol, s.Begin.Fingerprint.Protocol)
	}
}

func TestRunsOfOneTickHaveNamesOfTheirOwn(t *testing.T) {
	l := newLab(t)
	one, _, err := l.setup().Run(t.Context(), l.plan())
	require.NoError(t, err)
	two, _, err := l.setup().Run(t.Context(), l.plan())
	require.NoError(t, err)
	assert.Equal(t, one.ID+"-2", two.ID)
}

func TestAnInterruptedRunSaysHowToResume(t *testing.T) {
	l := newLab(t)
	ctx, stop := context.WithCancel(t.Context())
	setup := l.setup()
	collected := false
	setup.Collect = func(ctx context.Context, _ string) error { collected = ctx.Err() == nil; return nil }
	setup.Events.Progress = func(p engine.Progress) {
		if p.Tokens > 0 {
			stop()
		}
	}
	run, _, err := setup.Run(ctx, l.plan())
	require.ErrorContains(t, err, "stopped by a signal")
	assert.Contains(t, harness.HintOf(err), "bench run --resume "+run.ID)
	assert.True(t, collected, "what had arrived is taken in all the same")

	again := l.setup()
	var resumed bool
	again.Events.Begun = func(_ harness.Run, r bool) { resumed = r }
	report, err := again.Resume(t.Context(), run)
	require.NoError(t, err)
	assert.True(t, resumed)
	assert.Empty(t, report.Pending)
	assert.Len(t, report.Ended, 2)
}

func TestAPlanWithoutCasesIsRefused(t *testing.T) {
	l := newLab(t)
	run, _, err := l.setup().Run(t.Context(), harness.Plan{})
	require.ErrorContains(t, err, "it has no case")
	assert.Empty(t, run.ID)
}

// leased is a runner whose devices another process has.
type leased struct {
	harness.Runner
	run  string
	wait bool
}

func (l *leased) For(run string, wait bool) harness.Runner {
	l.run, l.wait = run, wait
	return busy{l.Runner}
}
func (l *leased) Release() error { return nil }

type busy struct{ harness.Runner }

func (busy) Open(context.Context, harness.Device) (harness.Handle, error) {
	return nil, &harness.Error{Kind: harness.KindDevice, Op: "open device", Err: errors.New("in use")}
}

// TestDevicesAreHeldForTheRun: their owner is told for which run, and whether to wait; a run that is refused has not begun.
func TestDevicesAreHeldForTheRun(t *testing.T) {
	l := newLab(t)
	setup := l.setup()
	runner := &leased{Runner: setup.Runner}
	setup.Runner, setup.Launch.Wait = runner, true
	setup.Collect = func(context.Context, string) error {
		assert.Fail(t, "a run that never began has nothing to be taken in")
		return nil
	}
	run, _, err := setup.Run(t.Context(), l.plan())
	require.ErrorContains(t, err, "in use")
	assert.Equal(t, harness.KindDevice, harness.KindOf(err))
	assert.Equal(t, run.ID, runner.run)
	assert.True(t, runner.wait)

	stopped, stop := context.WithCancel(t.Context())
	stop()
	_, _, err = setup.Run(stopped, l.plan())
	assert.NotContains(t, harness.HintOf(err), "--resume")
	assert.Error(t, err)
}
