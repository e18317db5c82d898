package iphone_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
)

// hurried is a clock on which time passes faster, so that long waits of the runner end soon.
type hurried struct {
	factor time.Duration
	start  time.Time
}

func (c hurried) Now() time.Time                         { return c.start.Add(time.Since(c.start) * c.factor) }
func (c hurried) After(d time.Duration) <-chan time.Time { return time.After(d / c.factor) }
func (c hurried) Sleep(ctx context.Context, d time.Duration) error {
	return wall{}.Sleep(ctx, d/c.factor)
}

// TestACableThatIsPulledLosesNothing pulls the cable after some lines, lets the app finish meanwhile or after, and
// plugs it in again.
func TestACableThatIsPulledLosesNothing(t *testing.T) {
	for _, os := range []string{"16.7.2", "18.6"} {
		for _, finishes := range []string{"while it is out", "after it is back"} {
			t.Run(os+" "+finishes, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				s, p := b.ready(os)
				sink := newRecord()
				waiting := func() bool {
					return len(sink.notices) > 0 && strings.HasPrefix(sink.notices[len(sink.notices)-1].Step, "waiting for the phone")
				}
				go func() {
					sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
					before, _ := p.DeviceID()
					p.Detach()
					sink.await("the loss is noticed", waiting)
					if finishes == "while it is out" {
						allow(t, p, "go")
						ended(t, p)
					}
					assert.NoError(t, p.Attach())
					after, _ := p.DeviceID()
					assert.NotEqual(t, before, after, "the phone has the same DeviceID")
					if finishes != "while it is out" {
						sink.await("it goes on", func() bool { return strings.Contains(sink.notices[len(sink.notices)-1].Step, "is back") })
						allow(t, p, "go")
					}
				}()
				job := task("pulled", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
				job.TelemetryInterval = 50 * time.Millisecond
				exit, err := s.Run(t.Context(), job, sink)
				require.NoError(t, err, "exit")
				require.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
				sink.gapless(t)
				assert.Equal(t, "hello tokens tokens tokens tokens tokens tokens end", sink.kinds(), "lines")
			})
		}
	}
}

// ended waits until no app runs on the phone.
func ended(t *testing.T, p *virtualiphone.Phone) {
	t.Helper()
	for _, info := range p.Processes().List() {
		if info.BundleID == bundleID {
			done := make(chan struct{})
			if !assert.NoError(t, p.Processes().Watch(info.PID, func(processExit) { close(done) })) {
				return
			}
			<-done
		}
	}
}

// TestAPhoneThatStaysAwayIsCollectedLater: the launch ends as lost; when the phone is back, another handle, as after a
// restart of the host, reads all that the app finished meanwhile.
func TestAPhoneThatStaysAwayIsCollectedLater(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	job := task("lost", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
	job.ReconnectTimeout = 50 * time.Millisecond
	go func() {
		sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
		p.Detach()
	}()
	exit, err := s.Run(t.Context(), job, sink)
	require.NoError(t, err, "exit")
	require.Equal(t, harness.OutcomeDeviceLost, exit.Outcome, "exit")
	require.Contains(t, exit.Reason, "not back within", "exit")
	allow(t, p, "go")
	ended(t, p)
	require.NoError(t, p.Attach())
	again := newRecord()
	exit, err = b.open(b.device(0)).Collect(t.Context(), job, again)
	require.NoError(t, err, "Collect")
	require.Equal(t, harness.OutcomeOK, exit.Outcome, "Collect")
	again.gapless(t)
	assert.Equal(t, "hello tokens tokens tokens tokens tokens tokens end", again.kinds(), "lines")
}

func TestCollectFollowsAnAppThatIsStillAtIt(t *testing.T) {
	for _, os := range []string{"16.7.2", "18.6"} {
		t.Run(os, func(t *testing.T) {
			b := newBench(t)
			s, p := b.ready(os)
			first := newRecord()
			job := task("still", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
			job.ReconnectTimeout = time.Millisecond
			go func() {
				first.await("the first lines", func() bool { return len(first.lines) >= 4 })
				p.Detach()
			}()
			exit, err := s.Run(t.Context(), job, first)
			require.NoError(t, err, "exit")
			require.Equal(t, harness.OutcomeDeviceLost, exit.Outcome, "exit")
			require.NoError(t, p.Attach())
			sink := newRecord()
			go func() {
				sink.await("it is followed", func() bool { return len(sink.notices) > 0 })
				allow(t, p, "go")
			}()
			exit, err = b.open(b.device(0)).Collect(t.Context(), job, sink)
			require.NoError(t, err, "Collect")
			require.Equal(t, harness.OutcomeOK, exit.Outcome, "Collect")
			require.NotNil(t, exit.Code, "Collect")
			sink.gapless(t)
			assert.Len(t, sink.lines, 8)
		})
	}
}

func TestCollectOfACrash(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	job := task("crash", testBuild(t, ""), testModel(t, 3000), "MODE", "crash")
	_, err := s.Run(t.Context(), job, newRecord())
	require.NoError(t, err)
	sink := newRecord()
	exit, err := s.Collect(t.Context(), job, sink)
	require.NoError(t, err, "Collect")
	assert.Equal(t, harness.OutcomeAppCrash, exit.Outcome, "Collect")
	assert.Contains(t, exit.Evidence, "EXC_BAD_ACCESS", "Collect")
	assert.Equal(t, "hello iteration_begin ", sink.kinds(), "lines: want two and the torn one, which has no kind")
}

func TestCollectOfNothing(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	job := task("absent", testBuild(t, ""), testModel(t, 3000))
	_, err := s.Collect(t.Context(), job, newRecord())
	require.ErrorIs(t, err, harness.ErrNoLaunch, "without the app")
	_, err = s.Prepare(t.Context(), job.Build, job.Model, nil)
	require.NoError(t, err)
	_, err = s.Collect(t.Context(), job, newRecord())
	require.ErrorIs(t, err, harness.ErrNoLaunch, "without the launch")
	assert.Equal(t, harness.KindDevice, harness.KindOf(err), "without the launch")
}

// TestARestartEndsTheApp: the phone comes back without its app and without its developer image.
func TestARestartEndsTheApp(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	go func() {
		sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
		assert.NoError(t, p.Reboot())
	}()
	exit, err := s.Run(t.Context(), task("reboot", testBuild(t, ""), testModel(t, 3000), "MODE", "gated"), sink)
	require.NoError(t, err, "exit")
	assert.Equal(t, harness.OutcomeDeviceLost, exit.Outcome, "exit")
	assert.Contains(t, exit.Reason, "restarted", "exit")
	assert.Len(t, sink.lines, 4)
}

// TestAnAppThatLivesOnAfterItsLastEventIsEnded: an iOS app does not end by itself.
func TestAnAppThatLivesOnAfterItsLastEventIsEnded(t *testing.T) {
	b := newBench(t)
	b.hurry(50)
	s, _ := b.ready("")
	exit, err := s.Run(t.Context(), task("linger", testBuild(t, ""), testModel(t, 3000), "MODE", "linger"), newRecord())
	require.NoError(t, err, "exit")
	assert.Equal(t, harness.OutcomeOK, exit.Outcome, "exit")
	assert.Contains(t, exit.Reason, "still running", "exit")
}

func TestALabThatDies(t *testing.T) {
	b := newBench(t)
	b.hurry(50)
	s, _ := b.ready("")
	sink := newRecord()
	go func() {
		sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
		b.stop()
	}()
	job := task("dies", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
	job.ReconnectTimeout = 2 * time.Second
	exit, err := s.Run(t.Context(), job, sink)
	require.NoError(t, err)
	require.Equal(t, harness.OutcomeDeviceLost, exit.Outcome, "exit = %+v, %v, %d lines", exit, err, len(sink.lines))
	assert.Len(t, sink.lines, 4, "exit = %+v, %v, %d lines", exit, err, len(sink.lines))
}

func TestSweep(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	for _, name := range []string{"s1", "s2", "s3"} {
		_, err := s.Run(t.Context(), task(name, testBuild(t, ""), testModel(t, 3000)), newRecord())
		require.NoError(t, err)
	}
	removed, err := s.Sweep(t.Context(), bundleID, func(run, session string) bool { return run == "r1" && session != "s2" })
	require.NoError(t, err, "Sweep")
	assert.Len(t, removed, 2, "Sweep")
	folder := filepath.Join(container(t, p), "Documents/bench/sessions/r1")
	left, err := os.ReadDir(folder)
	require.NoError(t, err, "left")
	require.Len(t, left, 1)
	assert.Equal(t, "s2", left[0].Name(), "left")
	_, err = s.Sweep(t.Context(), bundleID, func(string, string) bool { return true })
	require.NoError(t, err)
	_, err = os.Stat(folder)
	require.ErrorIs(t, err, os.ErrNotExist, "the run's empty folder is still there")
}
