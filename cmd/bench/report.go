package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

func reportCommand() command {
	return command{
		name: "report", summary: "show a recorded run again, or all of them", usage: "[RUN | --all] [--format text|md|json|html] [-o PATH]",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			all := flags.Bool("all", false, "write a page for every run and an index over them")
			format := flags.String("format", "text", "`format`: text, md, json or html")
			output := flags.StringP("output", "o", "", "`path` to write to; - is standard output (default: html to the data folder, the rest to standard output)")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				recorder, err := store.OpenRecorded(ctx, dataFolder(env, *data))
				if err != nil {
					return 0, err
				}
				defer recorder.Close()
				if *all {
					return exitOK, reportAll(ctx, env, recorder, dataFolder(env, *data), *output, rest)
				}
				report, err := readReport(ctx, recorder, rest)
				if err != nil {
					return 0, err
				}
				return exitOK, reportOne(env, report, dataFolder(env, *data), *format, *output)
			}
		},
	}
}

// readReport reads the run that is named, or the latest.
func readReport(ctx context.Context, recorder *store.Store, rest []string) (reports.Report, error) {
	if len(rest) > 1 {
		return reports.Report{}, noArguments("report", rest[1:])
	}
	name := ""
	if len(rest) == 1 {
		name = rest[0]
	} else {
		var err error
		if name, err = recorder.Latest(ctx, false); err != nil {
			return reports.Report{}, err
		}
	}
	recorded, err := recorder.Read(ctx, name)
	if err != nil {
		return reports.Report{}, err
	}
	return newReport(ctx, recorder, recorded)
}

func reportOne(env Env, report reports.Report, data, format, output string) error {
	write, ok := map[string]func(io.Writer) error{"text": report.Text, "md": report.Markdown, "json": report.JSON, "html": report.HTML}[format]
	if !ok {
		return harness.UsageError("report", "There are text, md, json and html.", "no format is called %q", format)
	}
	if output == "" && format == "html" {
		path, err := writePage(data, report)
		if err == nil {
			fmt.Fprintln(env.Stdout, path)
		}
		return err
	}
	if output == "" || output == "-" {
		return write(env.Stdout)
	}
	return writeFile(output, write)
}

// reportAll writes the index and the pages that it links to into one folder.
func reportAll(ctx context.Context, env Env, recorder *store.Store, data, folder string, rest []string) error {
	if len(rest) > 0 {
		return harness.UsageError("report", "--all is about every run; name one, or give --all.", "both --all and the run %s are given", rest[0])
	}
	if folder == "" {
		folder = pagesFolder(data)
	}
	runs, err := recorder.Runs(ctx)
	if err != nil {
		return err
	}
	var all []reports.Report
	for _, r := range runs {
		recorded, err := recorder.Read(ctx, r.Run.ID)
		if err != nil {
			return err
		}
		report, err := newReport(ctx, recorder, recorded)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(folder, reports.PageName(r.Run.ID)), report.HTML); err != nil {
			return err
		}
		all = append(all, report)
	}
	index := filepath.Join(folder, "index.html")
	if err := writeFile(index, func(w io.Writer) error { return reports.Index(w, all) }); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, index)
	return nil
}

func pagesFolder(data string) string { return filepath.Join(data, "reports") }

// writePage writes a run's page into the data folder and returns its path.
func writePage(data string, report reports.Report) (string, error) {
	path := filepath.Join(pagesFolder(data), reports.PageName(report.Recorded.Run.ID))
	return path, writeFile(path, report.HTML)
}

// writeFile makes a file whole or not at all, with its folder.
func writeFile(path string, write func(io.Writer) error) error {
	fail := func(err error) error {
		return &harness.Error{Kind: harness.KindStorage, Op: "write report", Err: err, Hint: "Free some space or name another place with -o or --data; the run itself is recorded."}
	}
	var page bytes.Buffer
	if err := write(&page); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fail(err)
	}
	if err := os.WriteFile(path+".new", page.Bytes(), 0o644); err != nil {
		return fail(errors.Join(err, os.Remove(path+".new")))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fail(err)
	}
	return nil
}

func runsCommand() command {
	return command{
		name: "runs", summary: "list the recorded runs", usage: "[--json]",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			asJSON := flags.Bool("json", false, "print the list as JSON")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("runs", rest); err != nil {
					return 0, err
				}
				recorder, err := store.OpenRecorded(ctx, dataFolder(env, *data))
				if err != nil {
					return 0, err
				}
				defer recorder.Close()
				runs, err := recorder.Runs(ctx)
				if err != nil {
					return 0, err
				}
				return exitOK, printRuns(env, runs, *asJSON)
			}
		},
	}
}

func printRuns(env Env, runs []harness.RunSummary, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(env.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(append([]harness.RunSummary{}, runs...))
	}
	rows := [][]string{{"RUN", "STARTED", "DEVICES", "CASES", "SESSIONS", "ITERATIONS", "OUTCOME"}}
	for _, r := range runs {
		var cases []string
		for _, c := range r.Run.Plan.Cases {
			cases = append(cases, c.Model.Name+"/"+c.Scenario.Name)
		}
		devices := strings.Join(deviceNames(r.Run.Plan), ", ")
		if r.Run.Synthetic {
			devices += " (synthetic)"
		}
		rows = append(rows, []string{r.Run.ID, r.Run.Start.UTC().Format("2006-01-02 15:04"), devices, some(cases),
			fmt.Sprintf("%d of %d", r.Ended, len(r.Run.Plan.Sessions)), fmt.Sprintf("%d of %d", r.Measured, r.Planned), outcomes(r)})
	}
	return printColumns(env.Stdout, rows)
}

// some prints the first of many words.
func some(words []string) string {
	const few = 2
	if len(words) <= few {
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(words[:few], ", "), len(words)-few)
}

// outcomes sums up how a run's sessions ended.
func outcomes(r harness.RunSummary) string {
	var parts []string
	for outcome, n := range r.Outcomes {
		parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
	}
	sort.Strings(parts)
	if left := len(r.Run.Plan.Sessions) - r.Ended; left > 0 {
		parts = append(parts, fmt.Sprintf("%d not ended", left))
	}
	return strings.Join(parts, ", ")
}
