package ingest

import (
	"context"
	"fmt"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/metrickit"
	"github.com/lilims/bench/harness/store"
)

// FromRun takes in the MetricKit payloads that a run's sessions brought along, as [FromFiles] does from files: they speak
// of a day past, and so of other runs. Their source is "run/session/name". One that cannot be read stays with its session
// as it is, and a notice of the run says so.
func FromRun(ctx context.Context, db *store.Store, clock harness.Clock, run string) error {
	return db.EachPayload(ctx, run, func(p harness.Payload) error {
		r := reading{source: strings.Join([]string{run, p.Session, p.Name}, "/"), raw: p.Raw}
		r.parse()
		taken := r.taken(clock.Now())
		if len(p.Raw) > metrickit.MaxBytes {
			taken.Raw = nil // the session's copy stays
		}
		added, err := db.Take(ctx, []store.Packed{store.Pack(taken)})
		if err != nil || r.problem == nil || added == 0 {
			return err
		}
		notice := harness.Notice{Session: p.Session, What: "payload", At: clock.Now(),
			Text: fmt.Sprintf("%s (%d bytes) is stored but could not be read: %v", p.Name, len(p.Raw), r.problem)}
		return db.Record(ctx, run, harness.Entry{Session: p.Session, Notice: &notice})
	})
}
