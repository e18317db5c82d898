package ingest

import (
	"bufio"
	"context"
	"io"
	"runtime/debug"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// Options is what is ingested, and who is told what.
type Options struct {
	Sources []string  // files, folders with everything below them, "-" for standard input
	Stdin   io.Reader // read where a source is "-"
	Folder  string    // for payloads that are too large for a row of the database; made where it is needed
	Clock   harness.Clock
	Records io.Writer // every record in base units, a JSON object a line; nil: none

	// Unreadable is called for every source or payload that cannot be read, in the order of the sources.
	Unreadable func(source string, err error)
}

// Counts is what was ingested.
type Counts struct {
	Payloads int // that could be read
	Records  int // in them
	Failed   int // payloads and sources that could not be read
	Added    int // payloads, readable or not, that were not kept already
}

// FromFiles takes in the payloads of files. What cannot be read is counted and is no error; an error is one of the
// database, of the disk or of Records.
func FromFiles(ctx context.Context, db *store.Store, o Options) (Counts, error) {
	// What is held is little and what is thrown away much, so collecting at every doubling would take a sixth of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	in := &intake{Options: o, store: db}
	if o.Records != nil {
		in.out = bufio.NewWriterSize(o.Records, 1<<16)
	}
	if err := in.all(ctx); err != nil {
		return in.counts, err
	}
	if in.out != nil {
		return in.counts, in.out.Flush()
	}
	return in.counts, nil
}

// intake is one call of FromFiles.
type intake struct {
	Options
	store  *store.Store
	out    *bufio.Writer // nil: no records are printed
	counts Counts
}

// all reads every source, parses on all processors, and keeps and prints in the order of the sources.
func (in *intake) all(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches := newBatcher(ctx, in.Clock, in.out != nil)
	go func() {
		defer batches.close()
		for _, source := range in.Sources {
			if in.walk(ctx, source, batches) != nil {
				return // the reader of the batches has gone, and knows why
			}
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
	in.counts.Added += added
	return err
}

// tell counts and prints one payload.
func (in *intake) tell(r *reading) error {
	if r.problem != nil {
		in.counts.Failed++
		in.Unreadable(r.source, r.problem)
		return nil
	}
	in.counts.Payloads++
	in.counts.Records += r.records
	if in.out == nil {
		return nil
	}
	_, err := in.out.Write(r.lines)
	return err
}
