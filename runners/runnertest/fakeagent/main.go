// Command fakeagent stands in for the bench app in tests of runners: it obeys a plan.json and writes events.jsonl beside
// it as the app does, with numbers that it makes up, in milliseconds and without a model. LILIMS_FAULT makes it fail in
// the ways that package runners/simulated names. It must never be taken for a measurement: its agent is called "fake".
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	flags := flag.NewFlagSet("fakeagent", flag.ContinueOnError)
	plan := flags.String("plan", "", "path of plan.json")
	if err := flags.Parse(args); err != nil || *plan == "" {
		fmt.Fprintln(os.Stderr, "usage: fakeagent --plan PATH")
		return 2
	}
	text, err := os.ReadFile(*plan)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	task, err := wire.DecodeTask(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	a := &agent{task: task, folder: filepath.Dir(*plan), pace: 2 * time.Millisecond}
	a.what, a.where, a.number = fault(os.Getenv("LILIMS_FAULT"))
	if ms, err := strconv.Atoi(os.Getenv("FAKE_TOKEN_MS")); err == nil {
		a.pace = time.Duration(ms) * time.Millisecond
	}
	fmt.Printf("fakeagent runs session %s\n", task.Session)
	return a.main()
}

func fault(text string) (what, where string, n int) {
	what, place, _ := strings.Cut(text, "@")
	where, number, _ := strings.Cut(place, ":")
	n, _ = strconv.Atoi(number)
	return what, where, n
}

type agent struct {
	task        wire.Task
	folder      string
	pace        time.Duration
	what, where string
	number      int

	thermal harness.ThermalState // told last

	file   *os.File
	enc    *wire.Encoder
	line   bytes.Buffer
	lines  int
	tokens int
	ended  int
}

func (a *agent) main() int {
	manifest := filepath.Join(a.folder, filepath.FromSlash(a.task.Model), "manifest.json")
	earlier, next := a.earlier()
	file, err := os.OpenFile(filepath.Join(a.folder, "events.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 5
	}
	defer file.Close()
	a.file = file
	if len(earlier) > 0 && earlier[len(earlier)-1] != '\n' {
		fmt.Fprintln(file)
	}
	a.enc = wire.NewEncoder(&a.line, next)
	a.hello()
	if a.what == "exit" {
		return 9
	}
	if _, err := os.Stat(manifest); err != nil {
		a.write(wire.Event{Kind: wire.Error, Code: "load_failed", Message: err.Error()})
		return a.end("error", 3)
	}
	a.write(wire.Event{Kind: wire.Load, Regime: "cold", Ns: ptr(int64(5e6)), ModelHash: a.task.ModelHash})
	if a.what == "payload" {
		if err := os.WriteFile(filepath.Join(a.folder, "metric-0.json"), []byte(`{"metaData":{"pid":-1}}`), 0o644); err != nil {
			return 5
		}
		a.write(wire.Event{Kind: wire.Payload, File: "metric-0.json"})
	}
	var worked time.Time // since
	for i := 0; ; i++ {
		if i == a.task.Warmups {
			worked = time.Now()
		}
		if i >= a.task.Warmups+a.task.Iterations && time.Since(worked).Nanoseconds() >= a.task.MinWorkNs+a.task.DurationNs {
			break
		}
		if code, done := a.iterate(i); done {
			return code
		}
	}
	return a.end("complete", 0)
}

// earlier reads what an earlier launch with the same plan wrote, and the number of the next line.
func (a *agent) earlier() ([]byte, int64) {
	text, err := os.ReadFile(filepath.Join(a.folder, "events.jsonl"))
	if err != nil {
		return nil, 0
	}
	next := int64(0)
	for _, line := range bytes.Split(text, []byte("\n")) {
		var e wire.Event
		if json.Unmarshal(line, &e) == nil && e.V == wire.Version {
			next = max(next, e.Seq+1)
		}
	}
	return text, next
}

func (a *agent) hello() {
	now := time.Now()
	a.write(wire.Event{
		Kind: wire.Hello, Session: a.task.Session, Agent: "fake", PID: ptr(os.Getpid()), Backend: "fake", UnixNs: ptr(now.UnixNano()),
	})
	a.feel()
}

// feel tells the thermal state when it has changed, and reports whether the plan's rule ends the session there. A virtual
// phone keeps its state in a file, which apps find by VIRTUAL_IPHONE_STATE; without one it is always nominal.
func (a *agent) feel() (tooHot bool) {
	told := struct{ Thermal harness.ThermalState }{harness.ThermalNominal}
	if path := os.Getenv("VIRTUAL_IPHONE_STATE"); path != "" {
		if text, err := os.ReadFile(path); err == nil {
			_ = json.Unmarshal(text, &told) // the phone replaces it whole; what cannot be read changes nothing
		}
	}
	if told.Thermal != a.thermal && told.Thermal.Rank() >= 0 {
		a.thermal = told.Thermal
		a.write(wire.Event{Kind: wire.Thermal, State: string(a.thermal)})
	}
	return a.task.AbortThermal != "" && a.thermal.Rank() >= a.task.AbortThermal.Rank()
}

func (a *agent) iterate(i int) (code int, done bool) {
	warmup, prompt := i < a.task.Warmups, max(a.task.PromptTokens, 4)
	a.write(wire.Event{Kind: wire.IterationBegin, Iteration: &i, Warmup: &warmup, PromptTokens: &prompt})
	a.wait()
	a.write(wire.Event{Kind: wire.Prefill, Iteration: &i, PromptTokens: &prompt, Ns: ptr(a.pace.Nanoseconds())})
	for n := range a.task.Generate {
		a.tokens++
		if a.where == "token" && a.number == a.tokens {
			if code, done := a.strike(); done {
				return code, true
			}
		}
		if a.feel() {
			a.write(wire.Event{Kind: wire.IterationEnd, Iteration: &i, Outcome: "thermal", Reason: "thermal state " + string(a.thermal), Count: &n})
			return a.end("thermal", 0), true
		}
		a.wait()
		a.write(wire.Event{Kind: wire.Tokens, Iteration: &i, First: &n, IDs: []int32{int32(n)}, At: []int64{a.now()}, Text: " fake"})
	}
	a.write(wire.Event{Kind: wire.Sample, Metric: harness.Footprint, Value: ptr(1e7), Unit: "B", Phase: "decode", Iteration: &i})
	a.ended++
	a.write(wire.Event{Kind: wire.IterationEnd, Iteration: &i, Outcome: "ok", Reason: "length", Count: &a.task.Generate})
	return 0, false
}

func (a *agent) strike() (code int, done bool) {
	switch a.what {
	case "crash":
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		<-time.After(time.Minute)
	case "jetsam":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		<-time.After(time.Minute)
	case "hang":
		for {
			<-time.After(time.Hour)
		}
	case "oom":
		a.write(wire.Event{Kind: wire.Error, Code: "out_of_memory", Message: "the cache could not grow"})
		return a.end("error", 4), true
	}
	return 0, false
}

func (a *agent) end(reason string, code int) int {
	a.write(wire.Event{Kind: wire.End, Count: &a.ended, Reason: reason})
	return code
}

func (a *agent) wait() { <-time.After(a.pace) }

// now is the machine's monotonic clock as good as Go shows it: since the Unix epoch at first sight, never going back.
func (a *agent) now() int64 { return time.Now().UnixNano() }

func (a *agent) write(e wire.Event) {
	e.AtNs = a.now()
	a.line.Reset()
	if err := a.enc.Encode(e); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	a.lines++
	text := a.line.Bytes()
	if a.where == "line" && a.number == a.lines {
		if a.what == "gap" {
			return
		}
		if a.what == "tear" {
			text = text[:len(text)/2]
		} else {
			text = append([]byte("\x00{"), text[len(text)/2:]...)
		}
	}
	if _, err := a.file.Write(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(5)
	}
	if a.what == "tear" && a.number == a.lines {
		a.what = "crash"
		a.strike()
	}
}

func ptr[T any](v T) *T { return &v }
