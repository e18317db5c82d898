package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

func ingestCommand() command {
	return command{
		name: "ingest", summary: "take MetricKit payloads in from files", usage: "metrickit FILE|DIR|- … [--json]",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			asJSON := flags.Bool("json", false, "also print every record in base units, one JSON object a line")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if len(rest) == 0 || rest[0] != "metrickit" {
					return 0, harness.UsageError("ingest", "Say bench ingest metrickit FILE.", "what to take in: metrickit")
				}
				sources := rest[1:]
				if len(sources) == 0 {
					return 0, harness.UsageError("ingest", "Name files or folders, or - for standard input.", "nothing to take in")
				}
				return ingest(ctx, env, dataFolder(env, *data), sources, *asJSON)
			}
		},
	}
}

// intake is one run of ingest.
type intake struct {
	env    Env
	data   string
	store  *store.Store
	out    *bufio.Writer // nil: no records are printed
	counts struct{ payloads, added, records, failed int }
}

func ingest(ctx context.Context, env Env, data string, sources []string, asJSON bool) (int, error) {
	recorder, err := store.Open(ctx, store.File(data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	// What is held is little and what is thrown away much, so collecting at every doubling would take a sixth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	in := &intake{env: env, data: data, store: recorder}
	if asJSON {
		in.out = bufio.NewWriterSize(env.Stdout, 1<<16)
	}
	if err := in.all(ctx, sources); err != nil {
		return 0, err
	}
	if in.out != nil {
		if err := in.out.Flush(); err != nil {
			return 0, err
		}
	}
	fmt.Fprintf(env.Stderr, "%d payloads with %d records, %d not readable; %d new, kept in %s\n",
		in.counts.payloads, in.counts.records, in.counts.failed, in.counts.added, store.File(data))
	if in.counts.failed > 0 {
		return exitUsage, nil
	}
	return exitOK, nil
}

// all reads every source, parses on all processors, and keeps and prints in the order of the sources.
func (in *intake) all(ctx context.Context, sources []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := newBatcher(ctx, in.env.Clock, in.out != nil)
	go func() {
		defer batches.close()
		for _, source := range sources {
			walk(ctx, in.env, source, in.payloads(), batches)
		}
	}()
	for b := range batches.ordered {
		<-b.ready
		if err := in.take(ctx, b); err != nil {
			return err
		}
		batches.done(b)
	}
	return ctx.Err()
}

// take keeps a batch in one transaction, and prints and counts what is in it.
func (in *intake) take(ctx context.Context, b *batch) error {
	packed := make([]store.Packed, 0, len(b.readings))
	for _, r := range b.readings {
		if err := in.tell(r); err != nil {
			return err
		}
		if r.large != nil {
			if err := in.keepWhole(r); err != nil {
				return err
			}
		}
		if r.kept.Size() > 0 { // otherwise there were no bytes to keep
			packed = append(packed, r.kept)
		}
	}
	added, err := in.store.Take(ctx, packed)
	in.counts.added += added
	return err
}

// tell counts and prints one payload.
func (in *intake) tell(r *reading) error {
	if r.problem != nil {
		in.counts.failed++
		fmt.Fprintf(in.env.Stderr, "bench: ingest: %s: %v\n", r.source, r.problem)
		return nil
	}
	in.counts.payloads++
	in.counts.records += r.records
	if in.out == nil {
		return nil
	}
	_, err := in.out.Write(r.lines)
	return err
}

// payloads is the folder of what is too large for a row of the database.
func (in *intake) payloads() string { return filepath.Join(in.data, "payloads") }

// keepWhole copies a source that is too large for a row beside the database, named by its hash.
func (in *intake) keepWhole(r *reading) error {
	fail := func(err error) error {
		return &harness.Error{Kind: harness.KindStorage, Op: "keep " + r.source, Err: err, Hint: "Free some space, or choose another folder with --data."}
	}
	folder := in.payloads()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fail(err)
	}
	from, err := r.large()
	if from != nil {
		defer from.Close()
	}
	if err != nil {
		return fail(err)
	}
	to, err := os.CreateTemp(folder, ".payload-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(to.Name())
	t, sum := r.taken(in.env.Clock.Now()), sha256.New()
	if t.Size, err = io.Copy(io.MultiWriter(to, sum), from); err != nil {
		to.Close()
		return fail(err)
	}
	if err := to.Close(); err != nil {
		return fail(err)
	}
	t.Raw, t.Hash = nil, [32]byte(sum.Sum(nil))
	if err := os.Rename(to.Name(), filepath.Join(folder, fmt.Sprintf("%x.json", t.Hash))); err != nil {
		return fail(err)
	}
	r.kept = store.Pack(t)
	return nil
}
