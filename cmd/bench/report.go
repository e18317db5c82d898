package main

import (
	"context"
	"fmt"
	"io"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/crosscheck"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// reportOptions is what `bench report` is asked for.
type reportOptions struct {
	data           *string
	all, open      bool
	json           bool
	typed          func(flag string) bool // given on the command line
	format, output string
}

func reportCommand() command {
	return command{
		name: "report", summary: "show recorded runs as text, Markdown, JSON or HTML", usage: "[RUN | --all] [flags]",
		setup: func(flags *flag.FlagSet) action {
			o := reportOptions{data: dataFlag(flags)}
			flags.BoolVar(&o.all, "all", false, "write a page for every run and an index over them")
			flags.BoolVar(&o.open, "open", false, "write the page and open it in a browser")
			flags.StringVar(&o.format, "format", "text", "`format`: text, md, json or html")
			flags.BoolVar(&o.json, "json", false, "print the figures as JSON: the same as --format json")
			o.typed = flags.Changed
			flags.StringVarP(&o.output, "output", "o", "",
				"`path` to write to; - is standard output (default: html to the data folder, the rest to standard output)")
			return o.run
		},
	}
}

func (o *reportOptions) run(ctx context.Context, env Env, rest []string) (int, error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *o.data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	page := ""
	if o.all {
		page, err = o.writeAll(ctx, env, recorder, rest)
	} else {
		page, err = o.writeOne(ctx, env, recorder, rest)
	}
	if err != nil || page == "" {
		return exitOK, err
	}
	fmt.Fprintln(env.Stdout, page)
	if o.open {
		err = env.OpenPage(page)
	}
	return exitOK, err
}

// check refuses flags that contradict one another.
func (o *reportOptions) check() error {
	refuse := func(format string, args ...any) error {
		return harness.UsageError("report", "Give one of them.", format, args...)
	}
	switch {
	case o.json && o.typed("format") && o.format != "json":
		return refuse("both --json and --format %s are given", o.format)
	case o.all && (o.json || o.typed("format") && o.format != "html"):
		return refuse("--all writes pages: html, and no other format")
	case o.open && !o.all && (o.json || o.typed("format") && o.format != "html"):
		return refuse("--open shows a page: html, and no other format")
	case o.json:
		o.format = "json"
	}
	return nil
}

// writeOne prints a run, or writes its page and returns the path.
func (o *reportOptions) writeOne(ctx context.Context, env Env, recorder *store.Store, rest []string) (page string, err error) {
	report, err := readReport(ctx, recorder, rest)
	if err != nil {
		return "", err
	}
	if o.open {
		o.format = "html"
	}
	write, err := report.Format(o.format)
	switch {
	case err != nil:
		return "", err
	case o.output == "" && o.format == "html":
		return reports.WritePage(dataFolder(env, *o.data), report)
	case o.output == "" || o.output == "-":
		return "", write(env.Stdout)
	case o.open:
		return o.output, reports.WriteFile(o.output, write)
	}
	return "", reports.WriteFile(o.output, write)
}

func (o *reportOptions) writeAll(ctx context.Context, env Env, recorder *store.Store, rest []string) (page string, err error) {
	if len(rest) > 0 {
		return "", harness.UsageError("report", "--all is about every run; name one, or give --all.",
			"both --all and the run %s are given", rest[0])
	}
	folder := o.output
	if folder == "" {
		folder = reports.Folder(dataFolder(env, *o.data))
	}
	runs, err := recorder.Names(ctx)
	if err != nil {
		return "", err
	}
	checks := crosscheck.New(recorder)
	return reports.WritePages(folder, runs, func(run string) (reports.Report, error) { return readRun(ctx, recorder, checks, run) })
}

// readReport reads the run that is named, or the latest.
func readReport(ctx context.Context, recorder *store.Store, rest []string) (reports.Report, error) {
	if len(rest) > 1 {
		return reports.Report{}, noArguments("report", rest[1:])
	}
	word := "latest"
	if len(rest) == 1 {
		word = rest[0]
	}
	run, err := recorder.Resolve(ctx, word)
	if err != nil {
		return reports.Report{}, err
	}
	return readRun(ctx, recorder, crosscheck.New(recorder), run)
}

func readRun(ctx context.Context, recorder *store.Store, checks *crosscheck.Checker, run string) (reports.Report, error) {
	recorded, err := recorder.Read(ctx, run)
	if err != nil {
		return reports.Report{}, err
	}
	return newReport(ctx, checks, recorded)
}

// newReport computes a run's figures, and holds MetricKit's payloads beside them.
func newReport(ctx context.Context, checks *crosscheck.Checker, recorded harness.Recorded) (reports.Report, error) {
	report := reports.New(recorded)
	var err error
	report.CrossChecks, err = checks.Run(ctx, recorded)
	return report, err
}

// writeFile makes a file whole or not at all, with its folder.
func writeFile(path string, write func(io.Writer) error) error { return reports.WriteFile(path, write) }
