package main

import (
	"context"
	"fmt"
	"io"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/interop"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// exportOptions is what is written, and where.
type exportOptions struct {
	data           *string
	format, output string
}

func exportCommand() command {
	return command{
		name: "export", summary: "export recorded measurements for other tools",
		usage: "[RUN] --format gobench|csv|parquet|json [-o PATH] | --format metrickit -o FOLDER",
		setup: func(flags *flag.FlagSet) action {
			o := exportOptions{data: dataFlag(flags)}
			flags.StringVar(&o.format, "format", "gobench", "`format`: gobench (a line a session, for benchstat), csv or parquet "+
				"(a row a reading) or json (a series a session); metrickit: every stored payload, byte for byte, a file each")
			flags.StringVarP(&o.output, "output", "o", "-", "`path` to write to; - is standard output")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if o.format == "metrickit" {
					return exitOK, o.payloads(ctx, env, rest)
				}
				return exitOK, o.run(ctx, env, rest)
			}
		},
	}
}

// run writes the readings of the run that is named, or of the latest.
func (o *exportOptions) run(ctx context.Context, env Env, rest []string) error {
	write, err := interop.FormatNamed(o.format, interop.Creator{Version: version, Revision: revision})
	if err != nil {
		return err
	}
	if len(rest) > 1 {
		return noArguments("export", rest[1:])
	}
	recorder, err := store.OpenRecorded(ctx, dataFolder(env, *o.data))
	if err != nil {
		return err
	}
	defer recorder.Close()
	run, err := recorder.Resolve(ctx, append(rest, "latest")[0])
	if err != nil {
		return err
	}
	series, err := interop.Read(ctx, recorder, run)
	if err != nil {
		return err
	}
	if o.output == "-" {
		return write(env.Stdout, series)
	}
	return reports.WriteFile(o.output, func(w io.Writer) error { return write(w, series) })
}

// payloads writes what was taken in from MetricKit.
func (o *exportOptions) payloads(ctx context.Context, env Env, rest []string) error {
	if len(rest) > 0 {
		return harness.UsageError("export", "Leave the run out: a payload covers a day, not a run.", "payloads do not belong to a run")
	}
	if o.output == "-" {
		return harness.UsageError("export", "Name a folder with -o FOLDER.", "payloads are written into a folder")
	}
	data := dataFolder(env, *o.data)
	recorder, err := store.OpenRecorded(ctx, data)
	if err != nil {
		return err
	}
	defer recorder.Close()
	missing := 0
	written, err := interop.WritePayloads(ctx, recorder, store.PayloadFolder(data), o.output, func(p harness.Taken) {
		missing++
		fmt.Fprintf(env.Notices, "bench: export: %s (%d bytes) was not written\n", p.Source, p.Size)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Notices, "%d payloads in %s, %d not written\n", written, o.output, missing)
	return nil
}
