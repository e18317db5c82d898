package main

import (
	"context"
	"fmt"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/ingest"
	"github.com/lilims/bench/harness/store"
)

// ingestOptions is how payloads are ingested.
type ingestOptions struct {
	data *string
	json bool
}

func ingestCommand() command {
	return command{
		name: "ingest", summary: "import MetricKit payloads from files", usage: "metrickit FILE|DIR|- … [--json]",
		setup: func(flags *flag.FlagSet) action {
			o := ingestOptions{data: dataFlag(flags)}
			flags.BoolVar(&o.json, "json", false, "also print every record in base units, one JSON object a line")
			return o.run
		},
	}
}

func (o *ingestOptions) run(ctx context.Context, env Env, rest []string) (int, error) {
	if len(rest) == 0 || rest[0] != "metrickit" {
		return 0, harness.UsageError("ingest", "Use bench ingest metrickit FILE.", "what to ingest: metrickit")
	}
	sources := rest[1:]
	if len(sources) == 0 {
		return 0, harness.UsageError("ingest", "Name files or folders, or - for standard input.", "nothing to ingest")
	}
	data := dataFolder(env, *o.data)
	recorder, err := store.Open(ctx, store.File(data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	taking := ingest.Options{
		Sources: sources, Stdin: env.Stdin, Folder: store.PayloadFolder(data), Clock: env.Clock,
		Unreadable: func(source string, err error) { fail(env, unreadable("ingest", source, err)) },
	}
	if o.json {
		taking.Records = env.Stdout
	}
	counts, err := ingest.FromFiles(ctx, recorder, taking)
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(env.Notices, "%d payloads with %d records, %d not readable; %d new, kept in %s\n",
		counts.Payloads, counts.Records, counts.Failed, counts.Added, store.File(data))
	if counts.Failed > 0 {
		return exitUsage, nil
	}
	return exitOK, nil
}
