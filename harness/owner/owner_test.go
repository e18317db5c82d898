package owner

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

var phone = harness.Device{UDID: "00008120-0012345678901234", Name: "iPhone 15", Kind: harness.KindIPhone}

// childFolder names the folder in which this program, as a child of its test, holds the phone until its input ends.
const childFolder = "OWNER_TEST_FOLDER"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childFolder); folder != "" {
		hold(folder)
		return
	}
	os.Exit(m.Run())
}

// hold is the other process.
func hold(folder string) {
	r := New(Options{Runner: &phones{}, Clock: &clock{}, Folder: folder})
	if _, err := r.For("theirs", false).Open(context.Background(), phone); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("held\n")
	bufio.NewReader(os.Stdin).ReadString('\n')
	if err := r.Release(); err != nil {
		panic(err)
	}
}

// otherProcess has the phone already when it returns. letGo makes it release the phone, crash ends it without.
func otherProcess(t *testing.T, folder string) (pid int, letGo, crash func()) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childFolder+"="+folder)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", said)
	crash = func() {
		_ = child.Process.Kill() // it may have ended
		_ = child.Wait()
	}
	t.Cleanup(crash)
	return child.Process.Pid, func() { require.NoError(t, errors.Join(in.Close(), child.Wait())) }, crash
}

// phones is a runner that counts what it opens.
type phones struct {
	opened int
	err    error
}

func (p *phones) Devices(context.Context) ([]harness.Device, error) { return nil, nil }
func (p *phones) Open(context.Context, harness.Device) (harness.Handle, error) {
	p.opened++
	return nil, p.err
}

// clock passes only where it is slept on, and does something then.
type clock struct {
	slept    time.Duration
	sleeping func()
}

func (c *clock) Now() time.Time                       { return time.Date(2026, 12, 1, 4, 20, 1, 0, time.UTC).Add(c.slept) }
func (c *clock) After(time.Duration) <-chan time.Time { return nil }
func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.slept += d
	if c.sleeping != nil {
		c.sleeping()
	}
	return ctx.Err()
}

func newRunner(t *testing.T, folder string) (*Runner, *phones, *clock) {
	t.Helper()
	p, c := &phones{}, &clock{}
	r := New(Options{Runner: p, Clock: c, Folder: folder})
	t.Cleanup(func() { assert.NoError(t, r.Release()) })
	return r, p, c
}

func leases(t *testing.T) string { return filepath.Join(t.TempDir(), "leases") }

func open(t *testing.T, r harness.Runner) error {
	t.Helper()
	_, err := r.Open(t.Context(), phone)
	return err
}

func TestOneProcessAPhone(t *testing.T) {
	folder := leases(t)
	pid, letGo, _ := otherProcess(t, folder)
	r, p, _ := newRunner(t, folder)

	err := open(t, r.For("mine", false))
	require.Error(t, err)
	assert.Equal(t, harness.KindDevice, harness.KindOf(err))
	want := Holder{PID: pid, Run: "theirs", Since: (&clock{}).Now()}.String()
	assert.Contains(t, err.Error(), "iPhone 15 is in use by "+want)
	assert.Regexp(t, `^run theirs \(pid \d+, since 2026-12-01 04:20:01\)$`, want)
	assert.Contains(t, harness.HintOf(err), "--wait waits for it")
	assert.Zero(t, p.opened, "the phone was opened while another process had it")
	holder, held := r.Holder(phone)
	assert.True(t, held)
	assert.Equal(t, pid, holder.PID)

	other := phone
	other.UDID = "00008120-0000000000000001"
	_, err = r.Open(t.Context(), other)
	require.NoError(t, err, "another phone")

	letGo()
	_, held = r.Holder(phone)
	assert.False(t, held)
	require.NoError(t, open(t, r.For("mine", false)))
	assert.Equal(t, 2, p.opened)
}

func TestAnOwnerThatCrashed(t *testing.T) {
	folder := leases(t)
	_, _, crash := otherProcess(t, folder)
	crash()
	require.FileExists(t, filepath.Join(folder, phone.UDID+".lock"))
	r, _, _ := newRunner(t, folder)
	_, held := r.Holder(phone)
	assert.False(t, held)
	require.NoError(t, open(t, r.For("mine", false)))
	holder, _ := r.Holder(phone)
	assert.Equal(t, os.Getpid(), holder.PID)
}

func TestWait(t *testing.T) {
	folder := leases(t)
	_, letGo, _ := otherProcess(t, folder)
	r, p, c := newRunner(t, folder)
	var said []string
	r.Waiting = func(text string) { said = append(said, text) }
	naps := 0
	c.sleeping = func() {
		if naps++; naps == 3 {
			letGo()
		}
	}
	require.NoError(t, open(t, r.For("mine", true)))
	assert.Equal(t, 3*pollEvery, c.slept)
	assert.Equal(t, 1, p.opened)
	require.Len(t, said, 1, "people are told once")
	assert.Contains(t, said[0], "iPhone 15 is in use by run theirs")
}

func TestAWaitThatIsEnded(t *testing.T) {
	folder := leases(t)
	otherProcess(t, folder)
	r, p, c := newRunner(t, folder)
	ctx, cancel := context.WithCancel(t.Context())
	c.sleeping = cancel
	_, err := r.For("mine", true).Open(ctx, phone)
	require.ErrorIs(t, err, context.Canceled)
	assert.Zero(t, p.opened)
}

// TestBetweenRuns: rounds of an experiment open and close a phone many times, and nobody else has it in between.
func TestBetweenRuns(t *testing.T) {
	folder := leases(t)
	r, _, _ := newRunner(t, folder)
	second, _, _ := newRunner(t, folder)
	require.NoError(t, open(t, r.For("round 1", false)))
	require.NoError(t, open(t, r.For("round 2", false)))
	require.ErrorContains(t, open(t, second), "in use by run round 2")
	require.NoError(t, r.Release())
	assert.NoError(t, open(t, second))
}

func TestAPhoneThatCannotBeOpened(t *testing.T) {
	r, p, _ := newRunner(t, leases(t))
	p.err = errors.New("locked")
	require.ErrorIs(t, open(t, r), p.err)
	_, held := r.Holder(phone)
	assert.False(t, held, "a phone that was never opened")
	p.err = nil
	require.NoError(t, open(t, r))
	p.err = errors.New("gone")
	require.ErrorIs(t, open(t, r), p.err)
	_, held = r.Holder(phone)
	assert.True(t, held, "a phone that has gone for a moment")
}

func TestReusedProcessID(t *testing.T) {
	if startOf(os.Getpid()) == "" {
		t.Skip("this system does not tell when a process began")
	}
	folder := leases(t)
	r, _, _ := newRunner(t, folder)
	require.NoError(t, open(t, r.For("mine", false)))
	path := filepath.Join(folder, phone.UDID+".lock")
	write := func(h Holder) {
		text, err := json.Marshal(h)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, text, 0o666))
	}
	now := startOf(os.Getpid())
	for name, c := range map[string]struct {
		holder Holder
		lives  bool
	}{
		"this process":              {Holder{PID: os.Getpid(), Start: now}, true},
		"began at an unknown time":  {Holder{PID: os.Getpid()}, true},
		"another one of its ID":     {Holder{PID: os.Getpid(), Start: now + "1"}, false},
		"no process":                {Holder{PID: 1 << 30, Start: now}, false},
		"no process ID":             {Holder{Start: now}, false},
		"one that is a whole group": {Holder{PID: -1, Start: now}, false},
	} {
		write(c.holder)
		_, held := r.Holder(phone)
		assert.Equal(t, c.lives, held, name)
	}
	second, _, _ := newRunner(t, folder)
	write(Holder{PID: 1 << 30, Run: "long gone"})
	assert.ErrorContains(t, open(t, second), "in use by another process", "its lock counts, the name is not the owner's")
}

func TestVirtualPhonesOfTwoLabs(t *testing.T) {
	folder := leases(t)
	one, _, _ := newRunner(t, folder)
	two, _, _ := newRunner(t, folder)
	one.Lab, two.Lab = "/one/mux.sock", "/two/mux.sock"
	virtual := phone
	virtual.Kind = harness.KindVirtual
	for _, r := range []*Runner{one, two} {
		_, err := r.Open(t.Context(), virtual)
		require.NoError(t, err, "virtual phones of one UDID in two labs")
	}
	require.NoError(t, open(t, one))
	assert.Error(t, open(t, two), "a phone behind two sockets is one phone")
}
