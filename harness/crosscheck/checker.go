package crosscheck

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// Recordings is what a Checker reads of a database of runs and payloads.
type Recordings interface {
	Runs(ctx context.Context) ([]harness.RunSummary, error)
	Read(ctx context.Context, run string) (harness.Recorded, error)
	Load(ctx context.Context, run string) (harness.RunState, error)
	TakenBetween(ctx context.Context, deviceType string, from, to time.Time) ([]harness.Taken, error)
}

// Checker cross-checks recorded runs against the payloads of the same database. It remembers of every run that it has
// seen what a later one may need, so each is read once; for that it takes the database as standing still.
type Checker struct {
	from     Recordings
	sessions map[string][]session // of the runs that were read, by run
	devices  map[string]string    // UDIDs of sessions that brought payloads along, by "run/session"
	runs     []harness.Run        // all that are recorded; nil: not listed yet
}

// New makes a checker over a database.
func New(from Recordings) *Checker {
	return &Checker{from: from, sessions: map[string][]session{}, devices: map[string]string{}}
}

// Run holds the payloads whose window has a session of the run in it beside all that was recorded in that window, by
// this run and others.
func (c *Checker) Run(ctx context.Context, recorded harness.Recorded) ([]harness.CrossCheck, error) {
	own := c.digest(recorded)
	deliveries, err := c.deliveries(ctx, own)
	if err != nil || len(deliveries) == 0 {
		return nil, err
	}
	all, err := c.withOthers(ctx, recorded.Run.ID, own, deliveries)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(compare(all, deliveries), func(found harness.CrossCheck) bool {
		return !slices.Contains(found.Runs, recorded.Run.ID)
	}), nil
}

func (c *Checker) digest(recorded harness.Recorded) []session {
	out := sessionsOf(recorded)
	c.sessions[recorded.Run.ID] = out
	return out
}

// deliveries are the payloads about the sessions' kinds of devices and their time.
func (c *Checker) deliveries(ctx context.Context, sessions []session) (out []Delivery, err error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	begin, end := sessions[0].begin, sessions[0].end
	var kinds []string
	for _, s := range sessions {
		begin, end = earlier(begin, s.begin), later(end, s.end)
		if kind := s.device.ProductType; kind != "" && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	for _, kind := range kinds {
		taken, err := c.from.TakenBetween(ctx, kind, begin.Add(-unstatedZone), end.Add(unstatedZone))
		if err != nil {
			return nil, err
		}
		for _, t := range taken {
			out = append(out, Delivery{Taken: t, UDID: c.deliverer(ctx, t.Source)})
		}
	}
	return out, nil
}

// deliverer is the device whose session brought a payload along; empty for one that came from a file.
func (c *Checker) deliverer(ctx context.Context, source string) string {
	run, rest, _ := strings.Cut(source, "/")
	id, name, ok := strings.Cut(rest, "/")
	if !ok || name == "" {
		return ""
	}
	key := run + "/" + id
	udid, known := c.devices[key]
	if !known {
		udid = c.unitOf(ctx, run, id)
		c.devices[key] = udid
	}
	return udid
}

// unitOf is the unit on which a session ran; empty where there is no such session.
func (c *Checker) unitOf(ctx context.Context, run, id string) string {
	if sessions, known := c.sessions[run]; known {
		for _, s := range sessions {
			if s.id == id {
				return s.device.UDID
			}
		}
		return ""
	}
	state, err := c.from.Load(ctx, run)
	if err != nil {
		return "" // a folder of a file may be called anything
	}
	for _, s := range state.Sessions {
		if s.Begin.ID == id {
			return s.Begin.Case.Device.UDID
		}
	}
	return ""
}

// withOthers adds the sessions of the other runs that the payloads may speak of.
func (c *Checker) withOthers(ctx context.Context, but string, own []session, deliveries []Delivery) ([]session, error) {
	from, to := extent(deliveries)
	if err := c.list(ctx); err != nil {
		return nil, err
	}
	all := slices.Clone(own)
	for _, r := range c.runs {
		if r.ID == but || r.Start.Before(from.Add(-unstatedZone)) || r.Start.After(to.Add(unstatedZone)) {
			continue
		}
		sessions, known := c.sessions[r.ID]
		if !known {
			recorded, err := c.from.Read(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			sessions = c.digest(recorded)
		}
		all = append(all, sessions...)
	}
	return all, nil
}

// list reads the list of runs, once.
func (c *Checker) list(ctx context.Context) error {
	if c.runs != nil {
		return nil
	}
	summaries, err := c.from.Runs(ctx)
	for _, s := range summaries {
		c.runs = append(c.runs, s.Run)
	}
	return err
}

// extent is the stretch of time that payloads cover together.
func extent(deliveries []Delivery) (from, to time.Time) {
	for _, d := range deliveries {
		if at, err := time.Parse(time.RFC3339, d.Begin); err == nil && (from.IsZero() || at.Before(from)) {
			from = at
		}
		if at, err := time.Parse(time.RFC3339, d.End); err == nil && at.After(to) {
			to = at
		}
	}
	return from, to
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
