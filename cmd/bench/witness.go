package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/crosscheck"
	"github.com/lilims/bench/harness/metrickit"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// takePayloads takes in the MetricKit payloads that a run's sessions brought along, as ingest takes them from files: they
// speak of a day past, and so of other runs. One that cannot be read stays with its session as it is, and a notice says so.
func takePayloads(ctx context.Context, env Env, recorder *store.Store, run string) error {
	return recorder.EachPayload(ctx, run, func(p harness.Payload) error {
		r := reading{source: strings.Join([]string{run, p.Session, p.Name}, "/"), raw: p.Raw}
		r.parse()
		taken := r.taken(env.Clock.Now())
		if len(p.Raw) > metrickit.MaxBytes {
			taken.Raw = nil // the session's copy stays
		}
		added, err := recorder.Take(ctx, []store.Packed{store.Pack(taken)})
		if err != nil || r.problem == nil || added == 0 {
			return err
		}
		notice := harness.Notice{Session: p.Session, What: "payload", Text: fmt.Sprintf("%s (%d bytes) is kept, and not read: %v", p.Name, len(p.Raw), r.problem), At: env.Clock.Now()}
		return recorder.Record(ctx, run, harness.Entry{Session: p.Session, Notice: &notice})
	})
}

// taken is a parsed reading as it is kept.
func (r *reading) taken(at time.Time) harness.Taken {
	p := r.payload
	t := harness.Taken{
		Hash: sha256.Sum256(r.raw), Source: r.source, At: at, Format: p.Format, DeviceType: p.Device, OSBuild: p.OSBuild,
		AppBuild: p.AppBuild, BundleID: p.BundleID, Begin: p.Begin, End: p.End, ZoneStated: p.ZoneStated,
		Size: int64(len(r.raw)), Raw: r.raw, Figures: r.figures,
	}
	if r.problem != nil {
		t.Problem = r.problem.Error()
	}
	return t
}

// newReport computes a run's figures, and holds MetricKit's payloads beside them.
func newReport(ctx context.Context, recorder *store.Store, recorded harness.Recorded) (reports.Report, error) {
	report := reports.New(recorded)
	var err error
	report.CrossChecks, err = witnesses(ctx, recorder, recorded)
	return report, err
}

// witnesses compares the payloads whose window holds a session of the run with all that was recorded in that window.
func witnesses(ctx context.Context, recorder *store.Store, recorded harness.Recorded) ([]harness.CrossCheck, error) {
	w := witnessing{recorder: recorder, udids: map[string]string{}, runs: []harness.Recorded{recorded}}
	deliveries, from, to, err := w.deliveries(ctx, recorded)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	if err := w.readOthers(ctx, recorded.Run.ID, from, to); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(crosscheck.Compare(w.runs, deliveries), func(found harness.CrossCheck) bool {
		return !slices.Contains(found.Runs, recorded.Run.ID)
	}), nil
}

// witnessing is one search for what MetricKit says of a run.
type witnessing struct {
	recorder *store.Store
	runs     []harness.Recorded
	udids    map[string]string // of sessions that brought payloads along, by "run/session"
}

// deliveries are the payloads about the run's kinds of devices and its time, with the time that they cover together.
func (w *witnessing) deliveries(ctx context.Context, recorded harness.Recorded) (out []crosscheck.Delivery, from, to time.Time, err error) {
	begin, end := extent(recorded)
	var seen []string
	for _, s := range recorded.Sessions {
		kind := s.Begin.Case.Device.ProductType
		if kind == "" || slices.Contains(seen, kind) {
			continue
		}
		seen = append(seen, kind)
		const zone = 14 * time.Hour // a payload may name none
		taken, err := w.recorder.TakenBetween(ctx, kind, begin.Add(-zone), end.Add(zone))
		if err != nil {
			return nil, from, to, err
		}
		for _, t := range taken {
			out = append(out, crosscheck.Delivery{Taken: t, UDID: w.deliverer(ctx, t.Source)})
			from, to = cover(from, to, t)
		}
	}
	return out, from, to, nil
}

// cover widens a stretch of time by a payload's window.
func cover(from, to time.Time, t harness.Taken) (time.Time, time.Time) {
	if at, err := time.Parse(time.RFC3339, t.Begin); err == nil && (from.IsZero() || at.Before(from)) {
		from = at
	}
	if at, err := time.Parse(time.RFC3339, t.End); err == nil && at.After(to) {
		to = at
	}
	return from, to
}

// extent is when a run's sessions were.
func extent(recorded harness.Recorded) (begin, end time.Time) {
	begin, end = recorded.Run.Start, recorded.Run.Start
	for _, s := range recorded.Sessions {
		at := s.Begin.At
		if s.End != nil {
			at = s.End.At
		}
		if at.After(end) {
			end = at
		}
	}
	return begin, end
}

// deliverer is the unit whose session brought a payload along; empty for one that came from a file.
func (w *witnessing) deliverer(ctx context.Context, source string) string {
	run, rest, _ := strings.Cut(source, "/")
	session, name, ok := strings.Cut(rest, "/")
	if !ok || name == "" {
		return ""
	}
	key := run + "/" + session
	udid, known := w.udids[key]
	if known {
		return udid
	}
	if state, err := w.recorder.Load(ctx, run); err == nil { // a folder of a file may be called anything
		for _, s := range state.Sessions {
			if s.Begin.ID == session {
				udid = s.Begin.Case.Device.UDID
			}
		}
	}
	w.udids[key] = udid
	return udid
}

// readOthers reads the other runs that lie in a stretch of time.
func (w *witnessing) readOthers(ctx context.Context, but string, from, to time.Time) error {
	all, err := w.recorder.Runs(ctx)
	if err != nil {
		return err
	}
	const zone = 14 * time.Hour
	for _, r := range all {
		if r.Run.ID == but || r.Run.Start.Before(from.Add(-zone)) || r.Run.Start.After(to.Add(zone)) {
			continue
		}
		recorded, err := w.recorder.Read(ctx, r.Run.ID)
		if err != nil {
			return err
		}
		w.runs = append(w.runs, recorded)
	}
	return nil
}

// figuresJSON are a payload's figures as they are kept: a JSON list of the values that can be compared across payloads, each
// {path, signpost, category, value, unit} in base units. Package crosscheck reads it.
func figuresJSON(records []metrickit.Record) ([]byte, error) {
	out := make([]byte, 0, 2+100*len(records))
	out = append(out, '[')
	for i := range records {
		r := &records[i]
		if r.Value == nil {
			continue
		}
		if math.IsInf(*r.Value, 0) || math.IsNaN(*r.Value) {
			return nil, fmt.Errorf("%s: %q is beyond what a number can hold", r.Path, r.Text)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendText(append(out, `{"path":`...), r.Path)
		if r.Signpost != "" {
			out = appendText(append(out, `,"signpost":`...), r.Signpost)
		}
		if r.Category != "" {
			out = appendText(append(out, `,"category":`...), r.Category)
		}
		out = strconv.AppendFloat(append(out, `,"value":`...), *r.Value, 'g', -1, 64)
		out = append(appendText(append(out, `,"unit":`...), r.Unit), '}')
	}
	return append(out, ']'), nil
}

// appendText appends a JSON string; what is no UTF-8 becomes U+FFFD.
func appendText(out []byte, text string) []byte {
	out, _ = jsontext.AppendQuote(out, text) // the error says that there was some
	return out
}
