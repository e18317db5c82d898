package rsd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/instruments"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

// clients is where the independent clients lie once npm has installed them.
const clients = "../../testdata/node-xpc"

// node runs a script of the clients and reads its one line of JSON.
func node(t *testing.T, into any, script string, args ...string) {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the independent clients are not run")
	}
	if _, err := os.Stat(filepath.Join(clients, "node_modules")); err != nil {
		t.Skipf("the independent clients are not installed: run npm ci in %s", clients)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{script}, args...)...)
	cmd.Dir = clients
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", script, err, out, errors.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func TestAppiumRemoteXPC(t *testing.T) {
	specs := make(chan process.Spec, 2)
	l := serveLoopback(t, faults.Instruments{}, func(p *phonetest.Phone) {
		p.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
			specs <- r.Spec
			r.Print(r.Spec.Env["SAY"])
			return phonetest.Until()(r)
		})
	})
	var got struct {
		Services                                       []string
		Apps                                           []map[string]any
		Launched                                       int
		Processes                                      []int
		Ended                                          struct{ Status struct{ ExitCode int } }
		LaunchFailure, SignalFailure, UninstallFailure string
		Displays                                       int
		DVT                                            struct {
			PID, Found int
			Output     struct {
				PID     int
				Message string
			}
			Running   []int
			IsRunning any
			Row       map[string]any
			Condition string
		}
	}
	node(t, &got, "remotexpc.mjs", "::1", strconv.Itoa(l.port), "com.bench.app")
	first, second := <-specs, <-specs
	if !reflect.DeepEqual(first.Args, []string{"--a", "b c"}) || first.Env["KEY"] != "value" || !reflect.DeepEqual(second.Args, []string{"x"}) {
		t.Errorf("launched %+v and %+v", first, second)
	}
	if len(got.Services) != 4 || len(got.Apps) != 1 || got.Apps[0]["bundleIdentifier"] != "com.bench.app" || got.Displays != 1 {
		t.Errorf("services %v, apps %v, %d displays", got.Services, got.Apps, got.Displays)
	}
	if got.Launched != 100 || !reflect.DeepEqual(got.Processes, []int{100}) || got.Ended.Status.ExitCode != 128+9 {
		t.Errorf("launched %d, processes %v, ended %+v", got.Launched, got.Processes, got.Ended)
	}
	for want, failure := range map[string]string{"not installed": got.LaunchFailure, "no such process": got.SignalFailure, "installation proxy": got.UninstallFailure} {
		if !strings.Contains(failure, want) || !strings.Contains(failure, "com.apple.dt.CoreDeviceError") {
			t.Errorf("failure %q, want %q in it", failure, want)
		}
	}
	d := got.DVT
	if d.PID != 101 || d.Found != 101 || d.Output.PID != 101 || d.Output.Message != "hello größer" || !reflect.DeepEqual(d.Running, []int{101}) || d.IsRunning != true {
		t.Errorf("over DTX: %+v", d)
	}
	if fmt.Sprint(d.Row["pid"]) != "101" || d.Row["name"] != "com.bench.app" || d.Condition != "ThermalCritical" {
		t.Errorf("sample %v, condition %q", d.Row, d.Condition)
	}
	for _, want := range []battery.ThermalState{battery.ThermalCritical, ""} {
		if state := take(t, l.phone.Induced); state != want {
			t.Errorf("induced %q, want %q", state, want)
		}
	}
}

// TestAppiumDevice runs the DTX client that appium uses up to iOS 16, without the TLS that lockdown would put around it.
func TestAppiumDevice(t *testing.T) {
	phone := phonetest.New()
	phone.Table.Install("com.bench.app", func(r *phonetest.Running) process.Exit {
		r.Print(strings.Join(r.Spec.Args, "|") + "|" + r.Spec.Env["KEY"])
		return process.Exit{Code: 7}
	})
	server := instruments.New(phone, phonetest.NewClock(), faults.Instruments{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // the client was not run
		}
		defer conn.Close()
		if err := server.Serve(t.Context(), conn); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	}()
	var got struct {
		PID          int
		Output, Exit []any
		Failure      string
		Running      int
	}
	node(t, &got, "dtx.mjs", "127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port), "com.bench.app")
	if got.PID != 100 || fmt.Sprint(got.Output) != "[--a|b c|value 100]" || fmt.Sprint(got.Exit) != "[100 7]" || got.Running != 0 || !strings.Contains(got.Failure, "not installed") {
		t.Errorf("client saw %+v", got)
	}
}
