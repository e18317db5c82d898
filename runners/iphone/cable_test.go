package iphone_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
					if err := p.Attach(); err != nil {
						t.Error(err)
					}
					if after, _ := p.DeviceID(); after == before {
						t.Error("the phone has the same DeviceID")
					}
					if finishes != "while it is out" {
						sink.await("it goes on", func() bool { return strings.Contains(sink.notices[len(sink.notices)-1].Step, "is back") })
						allow(t, p, "go")
					}
				}()
				job := task("pulled", testBuild(t, ""), testModel(t, 3000), "MODE", "gated")
				job.TelemetryInterval = 50 * time.Millisecond
				exit, err := s.Run(t.Context(), job, sink)
				if err != nil || exit.Outcome != harness.OutcomeOK {
					t.Fatalf("exit = %+v, %v", exit, err)
				}
				sink.gapless(t)
				if want := "hello tokens tokens tokens tokens tokens tokens end"; sink.kinds() != want {
					t.Errorf("lines %s, want %s", sink.kinds(), want)
				}
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
			if err := p.Processes().Watch(info.PID, func(processExit) { close(done) }); err != nil {
				t.Error(err)
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
	if err != nil || exit.Outcome != harness.OutcomeDeviceLost || !strings.Contains(exit.Reason, "not back within") {
		t.Fatalf("exit = %+v, %v; want device_lost", exit, err)
	}
	allow(t, p, "go")
	ended(t, p)
	if err := p.Attach(); err != nil {
		t.Fatal(err)
	}
	again := newRecord()
	exit, err = b.open(b.device(0)).Collect(t.Context(), job, again)
	if err != nil || exit.Outcome != harness.OutcomeOK {
		t.Fatalf("Collect = %+v, %v", exit, err)
	}
	again.gapless(t)
	if want := "hello tokens tokens tokens tokens tokens tokens end"; again.kinds() != want {
		t.Errorf("lines %s, want %s", again.kinds(), want)
	}
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
			if exit, err := s.Run(t.Context(), job, first); err != nil || exit.Outcome != harness.OutcomeDeviceLost {
				t.Fatalf("exit = %+v, %v", exit, err)
			}
			if err := p.Attach(); err != nil {
				t.Fatal(err)
			}
			sink := newRecord()
			go func() {
				sink.await("it is followed", func() bool { return len(sink.notices) > 0 })
				allow(t, p, "go")
			}()
			exit, err := b.open(b.device(0)).Collect(t.Context(), job, sink)
			if err != nil || exit.Outcome != harness.OutcomeOK || exit.Code == nil {
				t.Fatalf("Collect = %+v, %v", exit, err)
			}
			sink.gapless(t)
			if len(sink.lines) != 8 {
				t.Errorf("%d lines, want 8", len(sink.lines))
			}
		})
	}
}

func TestCollectOfACrash(t *testing.T) {
	b := newBench(t)
	s, _ := b.ready("")
	job := task("crash", testBuild(t, ""), testModel(t, 3000), "MODE", "crash")
	if _, err := s.Run(t.Context(), job, newRecord()); err != nil {
		t.Fatal(err)
	}
	sink := newRecord()
	exit, err := s.Collect(t.Context(), job, sink)
	if err != nil || exit.Outcome != harness.OutcomeAppCrash || !strings.Contains(exit.Evidence, "EXC_BAD_ACCESS") {
		t.Errorf("Collect = %+v, %v; want app_crash with its report", exit, err)
	}
	if sink.kinds() != "hello iteration_begin " {
		t.Errorf("lines %q, want two and the torn one, which has no kind", sink.kinds())
	}
}

func TestCollectOfNothing(t *testing.T) {
	b := newBench(t)
	b.phone("", virtualiphone.PhoneOptions{})
	s := b.open(b.device(0))
	job := task("absent", testBuild(t, ""), testModel(t, 3000))
	if _, err := s.Collect(t.Context(), job, newRecord()); !errors.Is(err, harness.ErrNoLaunch) {
		t.Errorf("without the app: %v, want ErrNoLaunch", err)
	}
	if _, err := s.Prepare(t.Context(), job.Build, job.Model, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(t.Context(), job, newRecord()); !errors.Is(err, harness.ErrNoLaunch) || harness.KindOf(err) != harness.KindDevice {
		t.Errorf("without the launch: %v, want ErrNoLaunch", err)
	}
}

// TestARestartEndsTheApp: the phone comes back without its app and without its developer image.
func TestARestartEndsTheApp(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	sink := newRecord()
	go func() {
		sink.await("the first lines", func() bool { return len(sink.lines) >= 4 })
		if err := p.Reboot(); err != nil {
			t.Error(err)
		}
	}()
	exit, err := s.Run(t.Context(), task("reboot", testBuild(t, ""), testModel(t, 3000), "MODE", "gated"), sink)
	if err != nil || exit.Outcome != harness.OutcomeDeviceLost || !strings.Contains(exit.Reason, "restarted") {
		t.Errorf("exit = %+v, %v", exit, err)
	}
	if len(sink.lines) != 4 {
		t.Errorf("%d lines, want 4", len(sink.lines))
	}
}

// TestAnAppThatLivesOnAfterItsLastEventIsEnded: an iOS app does not end by itself.
func TestAnAppThatLivesOnAfterItsLastEventIsEnded(t *testing.T) {
	b := newBench(t)
	b.hurry(50)
	s, _ := b.ready("")
	exit, err := s.Run(t.Context(), task("linger", testBuild(t, ""), testModel(t, 3000), "MODE", "linger"), newRecord())
	if err != nil || exit.Outcome != harness.OutcomeOK || !strings.Contains(exit.Reason, "still running") {
		t.Errorf("exit = %+v, %v", exit, err)
	}
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
	if err != nil || exit.Outcome != harness.OutcomeDeviceLost || len(sink.lines) != 4 {
		t.Errorf("exit = %+v, %v, %d lines", exit, err, len(sink.lines))
	}
}

func TestSweep(t *testing.T) {
	b := newBench(t)
	s, p := b.ready("")
	for _, name := range []string{"s1", "s2", "s3"} {
		if _, err := s.Run(t.Context(), task(name, testBuild(t, ""), testModel(t, 3000)), newRecord()); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := s.Sweep(t.Context(), bundleID, func(run, session string) bool { return run == "r1" && session != "s2" })
	if err != nil || len(removed) != 2 {
		t.Errorf("Sweep = %v, %v", removed, err)
	}
	folder := filepath.Join(container(t, p), "Documents/bench/sessions/r1")
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 || left[0].Name() != "s2" {
		t.Errorf("left = %v, %v", left, err)
	}
	if _, err := s.Sweep(t.Context(), bundleID, func(string, string) bool { return true }); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the run's empty folder is still there: %v", err)
	}
}
