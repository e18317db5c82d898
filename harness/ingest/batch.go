package ingest

import (
	"context"
	"runtime"

	"golang.org/x/sync/semaphore"

	"github.com/lilims/bench/harness"
)

// A batch is what one transaction keeps and one processor parses at a time: enough payloads to hide the cost of both, few
// enough to hold several.
const (
	batchPayloads = 128
	batchBytes    = 1 << 20
	// heldBytes bounds the payloads on their way. A single one that is larger goes alone.
	heldBytes = 16 << 20
)

// batch is payloads that follow each other.
type batch struct {
	readings []*reading
	bytes    int64
	ready    chan struct{} // closed when all are parsed
}

// batcher cuts the payloads that walk finds into batches, parses batches side by side, and hands them on in order.
type batcher struct {
	ctx     context.Context
	clock   harness.Clock
	asJSON  bool
	ordered chan *batch // as they came
	jobs    chan *batch // the same, to be parsed
	held    *semaphore.Weighted
	open    *batch
}

// newBatcher starts a worker for each processor: more would take turns, and the batch that is waited for would be as late as
// the last.
func newBatcher(ctx context.Context, clock harness.Clock, asJSON bool) *batcher {
	workers := runtime.GOMAXPROCS(0)
	b := &batcher{ctx: ctx, clock: clock, asJSON: asJSON, open: &batch{},
		ordered: make(chan *batch, 8*workers), jobs: make(chan *batch, 8*workers), held: semaphore.NewWeighted(heldBytes)}
	for range workers {
		go b.work()
	}
	return b
}

func (b *batcher) work() {
	for next := range b.jobs {
		at := b.clock.Now()
		for _, r := range next.readings {
			r.parse()
			r.digest(at, b.asJSON)
		}
		close(next.ready)
	}
}

// add puts a payload into the open batch, and sends that on its way when it is full.
func (b *batcher) add(r reading) error {
	b.open.readings = append(b.open.readings, &r)
	b.open.bytes += int64(len(r.raw))
	if len(b.open.readings) < batchPayloads && b.open.bytes < batchBytes && r.large == nil {
		return b.ctx.Err()
	}
	return b.send()
}

// send queues the open batch as soon as there is room for it.
func (b *batcher) send() error {
	next := b.open
	b.open = &batch{}
	next.ready = make(chan struct{})
	if err := b.held.Acquire(b.ctx, next.weight()); err != nil {
		return err
	}
	for _, queue := range []chan *batch{b.jobs, b.ordered} {
		select {
		case queue <- next:
		case <-b.ctx.Done():
			return b.ctx.Err()
		}
	}
	return nil
}

// close sends what is left. No payload can be added after it.
func (b *batcher) close() {
	defer close(b.ordered)
	defer close(b.jobs)
	if len(b.open.readings) > 0 {
		_ = b.send() // fails only where the reader of ordered has gone
	}
}

// done says that a batch is kept.
func (b *batcher) done(finished *batch) { b.held.Release(finished.weight()) }

func (b *batch) weight() int64 { return min(b.bytes, heldBytes) }
