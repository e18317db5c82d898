package rsd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	if _, err = os.Stat(filepath.Join(clients, "node_modules")); err != nil {
		t.Skipf("the independent clients are not installed: run npm ci in %s", clients)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{script}, args...)...)
	cmd.Dir = clients
	var errors strings.Builder
	cmd.Stderr = &errors
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %v\n%s\n%s", script, err, out, errors.String())
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	err = json.Unmarshal([]byte(lines[len(lines)-1]), into)
	require.NoError(t, err, "%s: %v\n%s", script, err, out)
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
	assert.Equal(t, []string{"--a", "b c"}, first.Args, "launched")
	assert.Equal(t, "value", first.Env["KEY"], "launched")
	assert.Equal(t, []string{"x"}, second.Args, "launched")
	assert.False(t, len(got.Services) != 4 || len(got.Apps) != 1 || got.Apps[0]["bundleIdentifier"] != "com.bench.app" || got.Displays != 1,
		"services %v, apps %v, %d displays", got.Services, got.Apps, got.Displays)
	assert.Equal(t, 100, got.Launched, "launched %d, processes %v, ended %+v", got.Launched, got.Processes, got.Ended)
	assert.Equal(t, []int{100}, got.Processes, "launched %d, processes %v, ended %+v", got.Launched, got.Processes, got.Ended)
	assert.Equal(t, 128+9, got.Ended.Status.ExitCode, "launched %d, processes %v, ended %+v", got.Launched, got.Processes, got.Ended)
	for want, failure := range map[string]string{
		"not installed": got.LaunchFailure, "no such process": got.SignalFailure, "installation proxy": got.UninstallFailure,
	} {
		assert.Contains(t, failure, want)
		assert.Contains(t, failure, "com.apple.dt.CoreDeviceError")
	}
	d := got.DVT
	assert.Equal(t, 101, d.PID, "over DTX")
	assert.Equal(t, 101, d.Found, "over DTX")
	assert.Equal(t, 101, d.Output.PID, "over DTX")
	assert.Equal(t, "hello größer", d.Output.Message, "over DTX")
	assert.Equal(t, []int{101}, d.Running, "over DTX")
	assert.Equal(t, true, d.IsRunning, "over DTX")
	assert.Equal(t, "101", fmt.Sprint(d.Row["pid"]), "sample %v, condition %q", d.Row, d.Condition)
	assert.Equal(t, "com.bench.app", d.Row["name"], "sample %v, condition %q", d.Row, d.Condition)
	assert.Equal(t, "ThermalCritical", d.Condition, "sample %v, condition %q", d.Row, d.Condition)
	for _, want := range []battery.ThermalState{battery.ThermalCritical, ""} {
		assert.Equal(t, want, take(t, l.phone.Induced), "induced")
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
	require.NoError(t, err)
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return // the client was not run
		}
		defer conn.Close()
		err = server.Serve(t.Context(), conn)
		if err != nil {
			assert.Error(t, t.Context().Err(), "%v", err)
		}
	}()
	var got struct {
		PID          int
		Output, Exit []any
		Failure      string
		Running      int
	}
	node(t, &got, "dtx.mjs", "127.0.0.1", strconv.Itoa(l.Addr().(*net.TCPAddr).Port), "com.bench.app")
	assert.Equal(t, 100, got.PID, "client saw")
	assert.Equal(t, "[--a|b c|value 100]", fmt.Sprint(got.Output), "client saw")
	assert.Equal(t, "[100 7]", fmt.Sprint(got.Exit), "client saw")
	assert.Equal(t, 0, got.Running, "client saw")
	assert.Contains(t, got.Failure, "not installed", "client saw")
}
