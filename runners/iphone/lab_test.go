package iphone_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/process"
)

const bundleID = "org.lilims.bench"

func TestMain(m *testing.M) {
	iphone.QuietLibrary(nil)
	code, err := withTemplate(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// template is a lab's folder with two phones that are paired with its host. Tests copy it: making keys takes a phone
// longer than most tests do.
var template string

func withTemplate(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	template = dir
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir})
	if err != nil {
		return 1, err
	}
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	for range 2 {
		if err == nil {
			_, err = lab.AddPhone(profile, virtualiphone.PhoneOptions{})
		}
	}
	if err = errors.Join(err, lab.Close()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// labFolder is a copy of the template.
func labFolder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	require.NoError(t, os.CopyFS(dir, os.DirFS(template)))
	return dir
}

// wall is the host's clock.
type wall struct{}

func (wall) Now() time.Time                         { return time.Now() }
func (wall) After(d time.Duration) <-chan time.Time { return time.After(d) }
func (wall) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// bench is a lab of virtual phones with a runner on it.
type bench struct {
	t      testing.TB
	lab    *virtualiphone.Lab
	runner *iphone.Runner
	socket string
	stop   func() // ends the lab and its socket
}

func newBench(t testing.TB) *bench {
	t.Helper()
	// What the phones have to say is shown with a test that fails.
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: labFolder(t), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() { lab.Serve(context.Background(), listener); close(served) }()
	stop := sync.OnceFunc(func() {
		closed := lab.Close()
		listener.Close()
		<-served
		assert.NoError(t, closed)
	})
	t.Cleanup(stop)
	b := &bench{t: t, lab: lab, socket: listener.Addr().String(), stop: stop}
	b.clock(wall{})
	return b
}

// hurry makes time pass faster for the runner.
func (b *bench) hurry(factor time.Duration) { b.clock(hurried{factor, time.Now()}) }

// clock gives the bench a runner with that clock.
func (b *bench) clock(c harness.Clock) {
	b.t.Helper()
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	var err error
	b.runner, err = iphone.New(iphone.Options{Socket: b.socket, Clock: c, Log: log, Poll: 10 * time.Millisecond, Lookup: lookup})
	require.NoError(b.t, err)
}

func lookup(productType string) (harness.DeviceProfile, bool) {
	if productType != "iPhone15,4" {
		return harness.DeviceProfile{}, false
	}
	return harness.DeviceProfile{Name: "iPhone15", Marketing: "iPhone 15", Chip: "A16 Bionic", MemoryBytes: 6 << 30}, true
}

// phone plugs in an iPhone 15 with that version of iOS; empty: the profile's.
func (b *bench) phone(os string, o virtualiphone.PhoneOptions, change ...func(*virtualiphone.Profile)) *virtualiphone.Phone {
	b.t.Helper()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err == nil && os != "" {
		profile, err = profile.WithOS(os)
	}
	require.NoError(b.t, err)
	for _, c := range change {
		c(&profile)
	}
	p, err := b.lab.AddPhone(profile, o)
	require.NoError(b.t, err)
	return p
}

// device is the runner's view of the bench's ordinal-th phone.
func (b *bench) device(ordinal int) harness.Device {
	b.t.Helper()
	devices, err := b.runner.Devices(b.t.Context())
	require.NoError(b.t, err, "Devices")
	require.Greater(b.t, len(devices), ordinal, "Devices")
	return devices[ordinal]
}

func (b *bench) open(d harness.Device) *iphone.Handle {
	b.t.Helper()
	h, err := b.runner.Open(b.t.Context(), d)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { h.Close() })
	return h.(*iphone.Handle)
}

// ready is the handle of a new phone with build and model in place.
func (b *bench) ready(os string, change ...func(*virtualiphone.Profile)) (*iphone.Handle, *virtualiphone.Phone) {
	b.t.Helper()
	p := b.phone(os, virtualiphone.PhoneOptions{}, change...)
	s := b.open(b.device(0))
	_, err := s.Prepare(b.t.Context(), testBuild(b.t, ""), testModel(b.t, 3000), nil)
	require.NoError(b.t, err)
	return s, p
}

// testBuild packs testdata/app.sh as an .ipa. salt makes builds differ.
func testBuild(t testing.TB, salt string, change ...func(info map[string]any)) harness.Build {
	t.Helper()
	script, err := os.ReadFile("testdata/app.sh")
	require.NoError(t, err)
	info := map[string]any{
		"CFBundleIdentifier": bundleID, "CFBundleExecutable": "Bench", "CFBundleName": "Bench", "CFBundleVersion": "1",
		"CFBundleShortVersionString": "1.0", "UIFileSharingEnabled": true,
	}
	for _, c := range change {
		c(info)
	}
	list, err := plist.Marshal(info, plist.BinaryFormat)
	require.NoError(t, err)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range []struct{ name, text string }{
		{"Payload/Bench.app/Info.plist", string(list)}, {"Payload/Bench.app/Bench", string(script)}, {"Payload/Bench.app/salt", salt},
	} {
		w, err := z.Create(e.name)
		require.NoError(t, err)
		w.Write([]byte(e.text))
	}
	require.NoError(t, z.Close())
	file := filepath.Join(t.TempDir(), "Bench.ipa")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	sum := sha256.Sum256(out.Bytes())
	return harness.Build{
		Arm: harness.ArmCandidate, Path: file, BundleID: bundleID, Version: "1.0", Revision: "0123abc", Configuration: "Release",
		Hash: hex.EncodeToString(sum[:]),
	}
}

// testModel is a folder with a manifest and a weight file of that size.
func testModel(t testing.TB, size int) harness.Model {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "model.mlpackage", "weights"), 0o755))
	weights := bytes.Repeat([]byte("weights\x00"), size/8+1)[:size]
	for name, text := range map[string][]byte{
		"manifest.json": []byte(`{"format":1}`), "model.mlpackage/weights/weight.bin": weights, "empty.txt": nil,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	return harness.Model{Name: "stories", Hash: fmt.Sprintf("aa%06d", size), Path: dir, SizeBytes: int64(size)}
}

type processExit = process.Exit

// record is a sink that keeps what it gets and can be waited on.
type record struct {
	mu       sync.Mutex
	changed  *sync.Cond
	lines    []string
	numbers  []int
	readings []harness.BatteryReading
	samples  []harness.Sample
	notices  []harness.Progress
	notes    []string
	payloads map[string]string
}

func newRecord() *record {
	r := &record{payloads: map[string]string{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *record) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.changed.Broadcast()
}

func (r *record) Line(n int, text []byte) {
	r.note(func() { r.numbers, r.lines = append(r.numbers, n), append(r.lines, string(text)) })
}
func (r *record) Battery(b harness.BatteryReading) {
	r.note(func() { r.readings = append(r.readings, b) })
}
func (r *record) Sample(s harness.Sample)   { r.note(func() { r.samples = append(r.samples, s) }) }
func (r *record) Notice(p harness.Progress) { r.note(func() { r.notices = append(r.notices, p) }) }
func (r *record) Note(what, text string) {
	r.note(func() { r.notes = append(r.notes, what+": "+text) })
}
func (r *record) Payload(name string, text []byte) {
	r.note(func() { r.payloads[name] = string(text) })
}

// await returns when the condition holds.
func (r *record) await(what string, holds func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !holds() {
		r.changed.Wait()
	}
}

// kinds are the kinds of the lines, in order.
func (r *record) kinds() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, line := range r.lines {
		_, after, _ := strings.Cut(line, `"kind":"`)
		kind, _, _ := strings.Cut(after, `"`)
		out = append(out, kind)
	}
	return strings.Join(out, " ")
}

// gapless fails the test unless the lines are numbered from 1 without gaps.
func (r *record) gapless(t testing.TB) {
	t.Helper()
	for i, n := range r.numbers {
		require.Equal(t, i+1, n, "line %d has number %d", i+1, n)
	}
}

func task(s string, build harness.Build, model harness.Model, env ...string) harness.Task {
	t := harness.Task{Run: "r1", Session: s, Build: build, Model: model, Scenario: harness.Scenario{
		GenerateTokens: 3, Iterations: 1,
	}, Prompt: "Once", ReconnectTimeout: time.Minute, Env: map[string]string{}}
	for i := 0; i+1 < len(env); i += 2 {
		t.Env[env[i]] = env[i+1]
	}
	return t
}

// container is the app's container on the host.
func container(t testing.TB, p *virtualiphone.Phone) string {
	t.Helper()
	dir, err := p.Container(bundleID)
	require.NoError(t, err)
	return dir
}

// allow makes the file that the test app waits for.
func allow(t testing.TB, p *virtualiphone.Phone, name string) {
	t.Helper()
	if dir, err := p.Container(bundleID); assert.NoError(t, err) {
		assert.NoError(t, os.WriteFile(filepath.Join(dir, "Documents", name), nil, 0o644))
	}
}
