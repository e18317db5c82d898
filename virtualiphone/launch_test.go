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
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func exitOf(t testing.TB, phone *virtualiphone.Phone, pid int) process.Exit {
	t.Helper()
	ended := make(chan process.Exit, 1)
	if err := phone.Processes().Watch(pid, func(e process.Exit) { ended <- e }); err != nil {
		t.Fatal(err)
	}
	return <-ended
}

// script makes an app of a shell script and installs it on a new phone.
func script(t *testing.T, text string, change func(*virtualiphone.Profile)) *virtualiphone.Phone {
	t.Helper()
	lab, host := newLab(t)
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&profile)
	}
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	if err != nil {
		t.Fatal(err)
	}
	answer := install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\n" + text)}))
	if answer.String("Status") != "Complete" {
		t.Fatalf("install: %v", answer)
	}
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
	if exit := exitOf(t, phone, info.PID); exit != (process.Exit{Code: 7}) {
		t.Errorf("exit = %+v, want code 7", exit)
	}
	home, err := phone.Container(bundle)
	if err != nil {
		t.Fatal(err)
	}
	want := "home=" + home + " tmp=" + home + "/tmp pwd=" + home + " args=--plan a b color=red virtual=1\nsecret=\nto stderr\n"
	if got := out.String(); got != want {
		t.Errorf("output = %q, want %q", got, want)
	}
	if !strings.HasPrefix(info.Path, "/private/var/containers/Bundle/Application/") || !strings.HasSuffix(info.Path, "/Demo.app/Demo") {
		t.Errorf("path = %q", info.Path)
	}
	text, err := os.ReadFile(filepath.Join(home, "Documents/state.json"))
	var state struct {
		Thermal string `json:"thermal"`
		Percent int    `json:"battery_percent"`
	}
	if err != nil || json.Unmarshal(text, &state) != nil || state.Thermal != "nominal" || state.Percent != 80 {
		t.Errorf("state as the app sees it: %s, %v", text, err)
	}
}

func TestLaunchRules(t *testing.T) {
	phone := script(t, "echo started\nexec sleep 600\n", nil)
	table := phone.Processes()
	first := launch(t, phone, nil)
	if again := launch(t, phone, nil); again.PID != first.PID {
		t.Errorf("second launch = process %d, want the running %d", again.PID, first.PID)
	}
	fresh := launch(t, phone, func(s *process.Spec) { s.KillExisting = true })
	if fresh.PID == first.PID {
		t.Error("KillExisting left the first process running")
	}
	if exit := exitOf(t, phone, first.PID); exit.Signal != int(syscall.SIGKILL) {
		t.Errorf("first process ended with %+v, want signal 9", exit)
	}
	listed := slices.ContainsFunc(table.List(), func(p process.Info) bool { return p.PID == fresh.PID && p.BundleID == bundle })
	if !listed {
		t.Error("the running app is not listed")
	}
	usage, err := table.Usage(fresh.PID)
	if err != nil || usage.ResidentBytes <= 0 {
		t.Errorf("usage = %+v, %v", usage, err)
	}
	if err := table.Signal(1, 9); err == nil {
		t.Error("launchd can be killed")
	}
	if err := table.Signal(fresh.PID, int(syscall.SIGTERM)); err != nil {
		t.Fatal(err)
	}
	if exit := exitOf(t, phone, fresh.PID); exit.Signal != int(syscall.SIGTERM) {
		t.Errorf("exit = %+v, want signal 15", exit)
	}
	if _, err := table.Usage(fresh.PID); err == nil {
		t.Error("an ended process has usage")
	}
	phone.SetLocked(true)
	if _, err := table.Launch(context.Background(), process.Spec{BundleID: bundle}); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("launch on a locked phone: %v", err)
	}
	if _, err := table.Launch(context.Background(), process.Spec{BundleID: "org.nowhere"}); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("launch of an app that is not there: %v", err)
	}
}

func TestSuspendedAppsWait(t *testing.T) {
	phone := script(t, "echo ran with \"$1\"\n", nil)
	out := &output{}
	info := launch(t, phone, func(s *process.Spec) {
		s.Suspended, s.Output, s.Args = true, out, []string{"it's $HOME"}
	})
	if got := out.String(); got != "" {
		t.Errorf("a suspended app wrote %q", got)
	}
	if err := phone.Processes().Resume(info.PID); err != nil {
		t.Fatal(err)
	}
	if exit := exitOf(t, phone, info.PID); exit != (process.Exit{}) {
		t.Errorf("exit = %+v, want 0", exit)
	}
	if got := out.String(); got != "ran with it's $HOME\n" {
		t.Errorf("output = %q", got)
	}
}

// reports lists the crash reports of a phone.
func reports(t *testing.T, phone *virtualiphone.Phone) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(phone.Dir(), "crash"))
	if err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if json.Unmarshal(first, &header) != nil || json.Unmarshal(rest, &body) != nil {
		t.Fatalf("%s is no report:\n%s", name, text)
	}
	return header, body
}

func TestCrashesLeaveReports(t *testing.T) {
	phone := script(t, "kill -SEGV $$\n", nil)
	info := launch(t, phone, nil)
	if exit := exitOf(t, phone, info.PID); exit.Signal != int(syscall.SIGSEGV) {
		t.Errorf("exit = %+v, want signal 11", exit)
	}
	names := reports(t, phone)
	if len(names) != 1 || !strings.HasPrefix(names[0], "Demo-20") || !strings.HasSuffix(names[0], ".ips") {
		t.Fatalf("reports = %v", names)
	}
	header, body := readReport(t, phone, names[0])
	exception, _ := body["exception"].(map[string]any)
	if header["bug_type"] != "309" || header["bundleID"] != bundle || exception["type"] != "EXC_BAD_ACCESS" || exception["signal"] != "SIGSEGV" {
		t.Errorf("report: %v\n%v", header, exception)
	}
}

func TestCleanEndsAndKillsLeaveNone(t *testing.T) {
	phone := script(t, "exit 3\n", nil)
	exitOf(t, phone, launch(t, phone, nil).PID)
	if names := reports(t, phone); len(names) != 0 {
		t.Errorf("reports = %v, want none", names)
	}
}

func TestJetsamEndsWhatOutgrowsThePhone(t *testing.T) {
	// The shell doubles a string until the phone ends it.
	phone := script(t, "s=0123456789abcdef\nwhile :; do s=\"$s$s\"; done\n", func(p *virtualiphone.Profile) { p.JetsamBytes = 48 << 20 })
	info := launch(t, phone, nil)
	if exit := exitOf(t, phone, info.PID); exit.Signal != int(syscall.SIGKILL) {
		t.Fatalf("exit = %+v, want signal 9", exit)
	}
	names := reports(t, phone)
	if len(names) != 1 || !strings.HasPrefix(names[0], "JetsamEvent-") {
		t.Fatalf("reports = %v", names)
	}
	header, body := readReport(t, phone, names[0])
	list, _ := body["processes"].([]any)
	if header["bug_type"] != "298" || body["largestProcess"] != "Demo" || len(list) != 1 {
		t.Fatalf("report: %v\n%v", header, body)
	}
	entry := list[0].(map[string]any)
	if entry["reason"] != "per-process-limit" || entry["rpages"].(float64)*16384 < 48<<20 {
		t.Errorf("jetsam entry: %v", entry)
	}
}

func TestUpgradeEndsTheAppAndKeepsItsFiles(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte("#!/bin/sh\nexec sleep 600\n")}))
	info := launch(t, phone, nil)
	home, err := phone.Container(bundle)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(home, "Documents/kept")
	if err := os.WriteFile(kept, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Info: map[string]any{"CFBundleShortVersionString": "2.0"}}))
	if exit := exitOf(t, phone, info.PID); exit.Signal != int(syscall.SIGKILL) {
		t.Errorf("the old version ended with %+v", exit)
	}
	if list := phone.Apps(); len(list) != 1 || list[0].Version != "2.0" {
		t.Errorf("apps = %v, want version 2.0 alone", list)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the upgrade lost a file: %v", err)
	}
}
