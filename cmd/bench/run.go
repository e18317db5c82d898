package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// runFlags is what `bench run` is asked for.
type runFlags struct {
	selection
	resume    resumeFlag
	json      bool
	html      bool
	patience  time.Duration
	telemetry time.Duration
	launchEnv launchEnv
	renew     bool
}

// resumeFlag stands alone, for the latest run that was cut off, or names a run.
type resumeFlag struct {
	set  bool
	name string
}

func (r *resumeFlag) String() string { return r.name }
func (r *resumeFlag) Type() string   { return "run" }
func (r *resumeFlag) Set(text string) error {
	r.set = text != "false"
	if text != "true" && text != "false" {
		r.name = text
	}
	return nil
}

// launchEnv is the environment of every launch: NAME=VALUE, several times.
type launchEnv map[string]string

func (e launchEnv) String() string { return "" }
func (e launchEnv) Type() string   { return "NAME=VALUE" }
func (e launchEnv) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("not NAME=VALUE")
	}
	e[name] = value
	return nil
}

func runCommand() command {
	return command{
		name: "run", summary: "measure a model on a device", usage: "--device NAME [--scenario quick] [flags]   or   --resume [RUN]",
		setup: func(flags *flag.FlagSet) action {
			f := runFlags{launchEnv: launchEnv{}}
			f.declareRun(flags)
			return f.do
		},
	}
}

// declareRun puts the flags of a run on a command.
func (f *runFlags) declareRun(flags *flag.FlagSet) {
	f.declare(flags)
	flags.Var(&f.resume, "resume", "take up the latest run that was cut off, or the `run` named")
	flags.Lookup("resume").NoOptDefVal = "true"
	flags.BoolVar(&f.json, "json", false, "print the figures as JSON instead of the table")
	flags.BoolVar(&f.html, "html", true, "write the run's page; --html=false does not")
	flags.DurationVar(&f.patience, "patience", 2*time.Minute, "how long a device that vanishes is waited for")
	flags.DurationVar(&f.telemetry, "telemetry", time.Second, "interval of the host's readings of battery and memory; 0: none, and no energy")
	flags.BoolVar(&f.renew, "renew-reference", false, "let the first probe of a unit replace its cold reference")
	flags.Var(f.launchEnv, "env", "`NAME=VALUE` in the environment of every launch")
}

func (f *runFlags) do(ctx context.Context, env Env, rest []string) (int, error) {
	if f.resume.set && f.resume.name == "" && len(rest) == 1 {
		f.resume.name, rest = rest[0], nil
	}
	if err := noArguments("run", rest); err != nil {
		return 0, err
	}
	if f.resume.set {
		return f.resumeRun(ctx, env)
	}
	r, err := f.resolve(ctx, env)
	if err != nil {
		return 0, err
	}
	recorder, err := store.Open(ctx, store.File(r.lab.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	run := describeRun(env, r)
	fmt.Fprintf(env.Stderr, "run %s: %s, %s\n", run.ID, harness.Count(len(run.Plan.Sessions), "session"), strings.Join(deviceNames(run.Plan), ", "))
	return f.carryOut(ctx, env, r, recorder, run.ID, func(e *engine.Engine) (engine.Report, error) { return e.Run(ctx, run) })
}

// resumeRun takes a recorded run up again, on the devices of its own plan.
func (f *runFlags) resumeRun(ctx context.Context, env Env) (int, error) {
	if len(f.devices) > 0 || len(f.models) > 0 || len(f.scenarios) > 0 || f.build != "" || f.baseline != "" {
		return 0, harness.UsageError("run", "Give --resume alone: the run's own plan goes on.", "--resume goes with no selection")
	}
	r := resolved{lab: lab{env: env, data: dataFolder(env, *f.data), seed: f.seed}}
	var err error
	if r.lab.catalog, err = loadCatalog(*f.configs); err != nil {
		return 0, err
	}
	if r.policy, err = config.Find("policy", f.policy, r.lab.catalog.Policies); err != nil {
		return 0, err
	}
	recorder, err := store.Open(ctx, store.File(r.lab.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	name := f.resume.name
	if name == "" {
		if name, err = recorder.Latest(ctx, true); err != nil {
			return 0, err
		}
	}
	state, err := recorder.Load(ctx, name)
	if err != nil {
		return 0, err
	}
	if len(state.Run.Plan.Cases) == 0 {
		return 0, harness.UsageError("resume run "+name, "Make a new run.", "its plan has no case")
	}
	if r.kind, err = runnerOfKind(state.Run.Plan.Cases[0].Device.Kind); err != nil {
		return 0, harness.UsageError("resume run "+name, "Make a new run.", "%w", err)
	}
	if r.runner, err = openRunner(r.kind, r.lab); err != nil {
		return 0, err
	}
	fmt.Fprintf(env.Stderr, "run %s goes on: %s\n", name, strings.Join(deviceNames(state.Run.Plan), ", "))
	return f.carryOut(ctx, env, r, recorder, name, func(e *engine.Engine) (engine.Report, error) { return e.Resume(ctx, name) })
}

// carryOut executes a run and reports on it, whatever became of it: what was recorded is shown even after an error.
func (f *runFlags) carryOut(ctx context.Context, env Env, r resolved, recorder *store.Store, name string, execute func(*engine.Engine) (engine.Report, error)) (int, error) {
	progress := newProgress(env)
	done, runError := execute(&engine.Engine{Runner: r.runner, Recorder: recorder, Clock: env.Clock, Policy: r.policy,
		Progress: progress.show, Patience: f.patience, Telemetry: f.telemetry, Env: f.launchEnv,
		References: recorder, RenewReferences: f.renew})
	progress.end()
	runError = stopped(ctx, name, runError)
	// The report is made even when a person has stopped the run.
	ctx = context.WithoutCancel(ctx)
	recorded, err := collected(ctx, env, recorder, name)
	if err != nil {
		return 0, errors.Join(runError, err)
	}
	if len(recorded.Sessions) > 0 {
		report, err := newReport(ctx, recorder, recorded)
		if err == nil {
			err = f.print(env, r, report)
		}
		if err != nil {
			return 0, errors.Join(runError, err)
		}
	}
	if runError != nil {
		return 0, runError
	}
	return exitOfRun(env, done), nil
}

// stopped turns the error of a run that a signal has ended into one that says how to go on.
func stopped(ctx context.Context, name string, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	return &harness.Error{Kind: harness.KindInternal, Op: "run " + name, Err: errors.New("stopped by a signal"),
		Hint: "What had arrived is recorded; `bench run --resume " + name + "` goes on."}
}

// print shows the figures and where everything lies. With --json only JSON goes to standard output.
func (f *runFlags) print(env Env, r resolved, report reports.Report) error {
	places := env.Stdout
	write := report.Text
	if f.json {
		write, places = report.JSON, env.Stderr
	}
	if err := write(env.Stdout); err != nil {
		return err
	}
	fmt.Fprintf(places, "\ndatabase  %s\n", store.File(r.lab.data))
	if !f.html {
		return nil
	}
	path, err := reports.WritePage(r.lab.data, report)
	if err == nil {
		fmt.Fprintf(places, "report    %s\n", path)
	}
	return err
}

// exitOfRun is the exit code of a run whose every planned session stands. Failures are named again at the end, where
// people look.
func exitOfRun(env Env, done engine.Report) int {
	code := exitOK
	for _, end := range done.Ended {
		if end.Outcome == harness.OutcomeOK {
			continue
		}
		fmt.Fprintf(env.Stderr, "bench: session %s: %s: %s\n", end.ID, end.Outcome, harness.PrintableLine(end.Reason))
		switch end.Outcome {
		case harness.OutcomeRefused, harness.OutcomeThermal, harness.OutcomeDeviceLost:
			code = max(code, exitDevice)
		default:
			code = max(code, exitInconclusive)
		}
	}
	return code
}

// describeRun makes the record of a run that is about to begin.
func describeRun(env Env, r resolved) harness.Run {
	start := env.Clock.Now()
	run := harness.Run{Revision: env.Revision, Start: start, Host: env.Host, Plan: r.plan}
	first := r.plan.Cases[0]
	run.Fingerprint = harness.Fingerprint{UDID: first.Device.UDID, OSBuild: first.Device.OSBuild, ModelHash: first.Model.Hash,
		ScenarioHash: first.Scenario.Hash(), HarnessVersion: env.Revision, PowerMode: "unknown", Kind: first.Device.Kind}
	for _, c := range r.plan.Cases {
		run.Synthetic = run.Synthetic || c.Device.Kind.Synthetic()
	}
	// The time tells people which run it is; the rest keeps two of the same second apart.
	digest := sha256.Sum256(fmt.Appendf(nil, "%d %s %d %v", start.UnixNano(), env.Host, env.PID, deviceNames(r.plan)))
	run.ID = start.UTC().Format("20060102-150405-") + hex.EncodeToString(digest[:2])
	return run
}

// deviceNames lists the devices of a plan, each once.
func deviceNames(p harness.Plan) []string {
	var out []string
	seen := map[string]bool{}
	for _, c := range p.Cases {
		if !seen[c.Device.UDID] {
			seen[c.Device.UDID] = true
			out = append(out, harness.PrintableLine(c.Device.Name))
		}
	}
	return out
}
