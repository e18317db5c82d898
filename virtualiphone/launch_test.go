package virtualiphone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/process"
)

// output collects what an app writes. It is safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func launch(t testing.TB, phone *virtualiphone.Phone, change func(*process.Spec)) process.Info {
	t.Helper()
	spec := process.Spec{BundleID: bundle}
	if change != nil {
		change(&spec)
	}
	info, err := phone.Processes().Launch(context.Background(), spec)
	require.NoError(t, err)
	return info
}

func exitOf(t testing.TB, phone *virtualiphone.Phone, pid int) process.Exit {
	t.Helper()
	ended := make(chan process.Exit, 1)
	require.NoError(t, phone.Processes().Watch(pid, func(e process.Exit) { ended <- e }))
	return <-ended
}

// script makes an app of a shell script and installs it on a new phone.
func script(t *testing.T, text string, change func(*virtualiphone.Profile)) *virtualiphone.Phone {
	t.Helper()
	lab, host := newLab(t)
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	require.NoError(t, err)
	if change != nil {
		change(&profile)
	}
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	require.NoError(t, err)
	answer := install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\n" + text)}))
	require.Equal(t, "Complete", answer.String("Status"), "install")
	return phone
}

func TestAppsRunInTheirContainer(t *testing.T) {
	phone := script(t, `echo "home=$HOME tmp=$TMPDIR pwd=$(pwd) args=$* color=$COLOR virtual=$VIRTUAL_IPHONE"
echo secret=$UNRELATED_SECRET
echo to stderr >&2
cat "$VIRTUAL_IPHONE_STATE" >Documents/state.json
exit 7
`, nil)
	t.Setenv("UNRELATED_SECRET", "of the host")
	out := &output{}
	info := launch(t, phone, func(s *process.Spec) {
		s.Args, s.Env, s.Output = []string{"--plan", "a b"}, map[string]string{"COLOR": "red"}, out
	})
	assert.Equal(t, process.Exit{Code: 7}, exitOf(t, phone, info.PID), "exit")
	home, err := phone.Container(bundle)
	require.NoError(t, err)
	want := "home=" + home + " tmp=" + home + "/tmp pwd=" + home + " args=--plan a b color=red virtual=1\nsecret=\nto stderr\n"
	assert.Equal(t, want, out.String(), "output")
	assert.True(t, strings.HasPrefix(info.Path, "/private/var/containers/Bundle/Application/"), "path = %q", info.Path)
	assert.True(t, strings.HasSuffix(info.Path, "/Demo.app/Demo"), "path = %q", info.Path)
	text, err := os.ReadFile(filepath.Join(home, "Documents/state.json"))
	var state struct {
		Thermal string `json:"thermal"`
		Percent int    `json:"battery_percent"`
	}
	require.NoError(t, err, "state as the app sees it: %s", text)
	require.NoError(t, json.Unmarshal(text, &state), "state as the app sees it")
	assert.Equal(t, "nominal", state.Thermal, "state as the app sees it: %s", text)
	assert.Equal(t, 80, state.Percent, "state as the app sees it: %s", text)
}

func TestLaunchRules(t *testing.T) {
	phone := script(t, "echo started\nexec sleep 600\n", nil)
	table := phone.Processes()
	first := launch(t, phone, nil)
	assert.Equal(t, first.PID, launch(t, phone, nil).PID, "second launch = process")
	fresh := launch(t, phone, func(s *process.Spec) { s.KillExisting = true })
	assert.NotEqual(t, first.PID, fresh.PID, "KillExisting left the first process running")
	assert.Equal(t, int(syscall.SIGKILL), exitOf(t, phone, first.PID).Signal, "first process ended")
	listed := slices.ContainsFunc(table.List(), func(p process.Info) bool { return p.PID == fresh.PID && p.BundleID == bundle })
	assert.True(t, listed, "the running app is not listed")
	usage, err := table.Usage(fresh.PID)
	require.NoError(t, err, "usage")
	assert.Positive(t, usage.ResidentBytes, "usage")
	require.Error(t, table.Signal(1, 9), "launchd can be killed")
	require.NoError(t, table.Signal(fresh.PID, int(syscall.SIGTERM)))
	assert.Equal(t, int(syscall.SIGTERM), exitOf(t, phone, fresh.PID).Signal, "exit")
	_, err = table.Usage(fresh.PID)
	require.Error(t, err, "an ended process has usage")
	phone.SetLocked(true)
	_, err = table.Launch(context.Background(), process.Spec{BundleID: bundle})
	require.ErrorContains(t, err, "locked", "launch on a locked phone")
	_, err = table.Launch(context.Background(), process.Spec{BundleID: "org.nowhere"})
	require.ErrorContains(t, err, "not installed", "launch of an app that is not there")
}

func TestSuspendedAppsWait(t *testing.T) {
	phone := script(t, "echo ran with \"$1\"\n", nil)
	out := &output{}
	info := launch(t, phone, func(s *process.Spec) {
		s.Suspended, s.Output, s.Args = true, out, []string{"it's $HOME"}
	})
	assert.Empty(t, out.String(), "a suspended app wrote")
	require.NoError(t, phone.Processes().Resume(info.PID))
	assert.Equal(t, process.Exit{}, exitOf(t, phone, info.PID), "exit")
	assert.Equal(t, "ran with it's $HOME\n", out.String(), "output")
}

// reports lists the crash reports of a phone.
func reports(t *testing.T, phone *virtualiphone.Phone) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(phone.Dir(), "crash"))
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// readReport splits an .ips file into its header and its body.
func readReport(t *testing.T, phone *virtualiphone.Phone, name string) (header, body map[string]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(phone.Dir(), "crash", name))
	require.NoError(t, err)
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	require.NoError(t, json.Unmarshal(first, &header), "%s is no report:\n%s", name, text)
	require.NoError(t, json.Unmarshal(rest, &body), "%s is no report:\n%s", name, text)
	return header, body
}

func TestCrashesLeaveReports(t *testing.T) {
	phone := script(t, "kill -SEGV $$\n", nil)
	info := launch(t, phone, nil)
	assert.Equal(t, int(syscall.SIGSEGV), exitOf(t, phone, info.PID).Signal, "exit")
	names := reports(t, phone)
	require.Len(t, names, 1, "reports")
	require.True(t, strings.HasPrefix(names[0], "Demo-20"), "reports")
	require.True(t, strings.HasSuffix(names[0], ".ips"), "reports")
	header, body := readReport(t, phone, names[0])
	exception, _ := body["exception"].(map[string]any)
	assert.Equal(t, "309", header["bug_type"], "report")
	assert.Equal(t, bundle, header["bundleID"], "report")
	assert.Equal(t, "EXC_BAD_ACCESS", exception["type"], "report")
	assert.Equal(t, "SIGSEGV", exception["signal"], "report")
}

func TestCleanEndsAndKillsLeaveNone(t *testing.T) {
	phone := script(t, "exit 3\n", nil)
	exitOf(t, phone, launch(t, phone, nil).PID)
	assert.Empty(t, reports(t, phone))
}

func TestJetsamEndsWhatOutgrowsThePhone(t *testing.T) {
	// The shell doubles a string until the phone ends it.
	phone := script(t, "s=0123456789abcdef\nwhile :; do s=\"$s$s\"; done\n", func(p *virtualiphone.Profile) { p.JetsamBytes = 48 << 20 })
	info := launch(t, phone, nil)
	require.Equal(t, int(syscall.SIGKILL), exitOf(t, phone, info.PID).Signal, "exit")
	names := reports(t, phone)
	require.Len(t, names, 1, "reports")
	require.True(t, strings.HasPrefix(names[0], "JetsamEvent-"), "reports")
	header, body := readReport(t, phone, names[0])
	list, _ := body["processes"].([]any)
	require.Equal(t, "298", header["bug_type"], "report: %v\n%v", header, body)
	require.Equal(t, "Demo", body["largestProcess"], "report")
	require.Len(t, list, 1, "report: %v\n%v", header, body)
	entry := list[0].(map[string]any)
	require.Equal(t, "per-process-limit", entry["reason"], "jetsam entry")
	assert.GreaterOrEqual(t, entry["rpages"].(float64)*16384, float64(48<<20), "jetsam entry")
}

func TestUpgradeEndsTheAppAndKeepsItsFiles(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\nexec sleep 600\n")}))
	info := launch(t, phone, nil)
	home, err := phone.Container(bundle)
	require.NoError(t, err)
	kept := filepath.Join(home, "Documents/kept")
	require.NoError(t, os.WriteFile(kept, []byte("x"), 0o644))
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Info: map[string]any{"CFBundleShortVersionString": "2.0"}}))
	assert.Equal(t, int(syscall.SIGKILL), exitOf(t, phone, info.PID).Signal, "the old version ended")
	list := phone.Apps()
	require.Len(t, list, 1, "apps")
	assert.Equal(t, "2.0", list[0].Version, "apps")
	_, err = os.Stat(kept)
	require.NoError(t, err, "the upgrade lost a file")
}
