package main

import (
	"context"
	"errors"
	"fmt"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/crosscheck"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// runFlags is what `bench run` is asked for.
type runFlags struct {
	selection
	measuring
	resume resumeFlag
	json   bool
	html   bool
	renew  bool
	typed  func(flag string) bool // given on the command line, not by a setting
}

func runCommand() command {
	return command{
		name: "run", summary: "measure a model on a device", usage: "--device NAME [--scenario quick] [flags]   or   --resume [RUN]",
		setup: func(flags *flag.FlagSet) action {
			var f runFlags
			f.declareRun(flags)
			return f.do
		},
	}
}

// declareRun puts the flags of a run on a command.
func (f *runFlags) declareRun(flags *flag.FlagSet) {
	f.typed = flags.Changed
	f.selection.declare(flags)
	f.measuring.declare(flags)
	flags.Var(&f.resume, "resume", "continue the latest interrupted run, or the `run` that is named")
	flags.Lookup("resume").NoOptDefVal = "true"
	flags.BoolVar(&f.json, "json", false, "print the figures as JSON instead of the table")
	flags.BoolVar(&f.html, "html", true, "write the run's page; --html=false does not")
	flags.BoolVar(&f.renew, "renew-reference", false, "take a new cold reference speed from the first probe of each device")
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
	w, err := f.measuring.open(ctx, env, &f.selection)
	if err != nil {
		return 0, err
	}
	defer w.close()
	w.setup.Launch.RenewReferences = f.renew
	run, done, err := w.setup.Run(ctx, w.plan)
	return f.conclude(ctx, env, w, run.ID, done, err)
}

// conclude reports on a run, whatever became of it: what was recorded is shown even after an error, and when a person has
// stopped the run.
func (f *runFlags) conclude(ctx context.Context, env Env, w *workspace, name string, done engine.Report, runError error) (int, error) {
	if name == "" {
		return 0, runError
	}
	ctx = context.WithoutCancel(ctx)
	recorded, err := w.recorder.Read(ctx, name)
	if runError != nil && harness.KindOf(err) == harness.KindUsage {
		return 0, runError // it was refused before it began: there is no such run
	}
	if err != nil {
		return 0, errors.Join(runError, err)
	}
	if len(recorded.Sessions) > 0 {
		report, err := newReport(ctx, crosscheck.New(w.recorder), recorded)
		if err == nil {
			err = f.print(env, w.lab.data, report)
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

// print shows the figures and where everything lies. With --json only JSON goes to standard output.
func (f *runFlags) print(env Env, data string, report reports.Report) error {
	places := env.Stdout
	write := report.Text
	if f.json {
		write, places = report.JSON, env.Notices
	}
	if err := write(env.Stdout); err != nil {
		return err
	}
	fmt.Fprintf(places, "\ndatabase  %s\n", store.File(data))
	if !f.html {
		return nil
	}
	path, err := reports.WritePage(data, report)
	if err == nil {
		fmt.Fprintf(places, "report    %s\n", path)
	}
	return err
}

// exitOfRun is the exit code of a run whose every planned session stands. Failures are named again at the end, where
// people look.
func exitOfRun(env Env, done engine.Report) int {
	code := exitOK
	for _, failed := range done.Failures() {
		code = max(code, fail(env, failed))
	}
	if err := done.Nothing(); err != nil {
		return exitOf(err)
	}
	return code
}
