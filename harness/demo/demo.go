// Package demo records the history of a lab that does not exist, for people who want to see trends, reports and gates before
// they own a phone: forty nights of two simulated phones in three cases, through the same experiments, engine and recorder as
// any run. The history holds four known events: an outlier night, a build that is 7 % slower, an OS update of one phone, and
// a gate that ends inconclusive. Everything in it is marked as simulated. The same day gives the same history on every host.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/experiment"
	"github.com/lilims/bench/harness/plan"
)

// Options is what the history needs of its surroundings.
type Options struct {
	Devices  map[string]harness.DeviceProfile // of the catalogue, by name: iPhone15 and iPhone16Pro are used
	Recorder experiment.Recorder
	Runner   func(Night) harness.Runner // the simulated lab as it is on a night
	Now      time.Time                  // the last night is the one before this day, UTC
	Revision string                     // of the harness
	Progress func(night, of int)        // before each night, from 1; may be nil
}

// Story is what was recorded, and where in it the events are.
type Story struct {
	Runs                     int
	First, Odd, Step, Update time.Time // starts of nights: the first, and those of the events
	Updated                  string    // name of the phone whose OS was updated
	Gate                     string    // the last run, whose verdict stays open
}

// Record records the history. It ends early with the error of the first run that fails, and then returns what was recorded
// until there.
func Record(ctx context.Context, o Options) (Story, error) {
	phones, err := o.phones()
	if err != nil {
		return Story{}, err
	}
	c := calendar{first: o.Now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -Nights).Add(startHour * time.Hour), phones: phones}
	story := Story{First: c.start(0), Odd: c.start(oddNight), Step: c.start(stepNight), Update: c.start(updateNight)}
	for n := range Nights {
		if o.Progress != nil {
			o.Progress(n+1, Nights)
		}
		if _, err = o.run(ctx, c.night(n), 0, nightly(n)); err != nil {
			return story, err
		}
		story.Runs++
	}
	story.Updated = "Simulated " + phones[1].Marketing
	story.Gate, err = o.run(ctx, c.gateNight(), gatePairs, gateBuilds()...)
	if err == nil {
		story.Runs++
	}
	return story, err
}

// phones are the two phones; the second is the one that is updated and gated.
func (o Options) phones() ([]harness.DeviceProfile, error) {
	var out []harness.DeviceProfile
	for _, name := range []string{"iPhone15", "iPhone16Pro"} {
		p, ok := o.Devices[name]
		if !ok {
			return nil, harness.UsageError("record the demo", "The built-in catalogue has it.", "the catalogue has no device %s", name)
		}
		out = append(out, p)
	}
	return out, nil
}

// run measures the builds on a night, with so many sessions of each case and build; 0: as many as the scenarios say.
func (o Options) run(ctx context.Context, night Night, sessions int, builds ...harness.Build) (string, error) {
	runner := o.Runner(night)
	devices, err := runner.Devices(ctx)
	if err != nil {
		return "", err
	}
	setup := experiment.Setup{
		Runner: runner, Recorder: o.Recorder, Catalog: harness.Catalog{Scenarios: scenarios()}, Clock: standing(night.Start),
		Policy: harness.Policy{Name: "demo", MaxBatteryCelsius: 35, CoolDownLimit: 15 * time.Minute}, Host: "demo", Revision: o.Revision,
	}
	e, err := experiment.New(setup, plan.Selection{Devices: devices, Models: []harness.Model{model()}, Scenarios: night.Scenarios,
		Builds: builds, Seed: night.Seed})
	if err != nil {
		return "", err
	}
	if err := e.Round(ctx, sessions); err != nil {
		if ctx.Err() != nil { // the hint to resume that a run gives leads nowhere: the simulated lab of that night is gone
			err = errors.New("stopped before its end")
		}
		return "", &harness.Error{Kind: harness.KindInternal, Op: "record the demo",
			Err:  fmt.Errorf("night of %s: %w", night.Start.Format(time.DateOnly), err),
			Hint: "The recorded demo is incomplete: delete it and start again."}
	}
	return e.Runs[len(e.Runs)-1], nil
}

// standing is a host's clock that stands at the start of a night: the simulated devices bring the clocks that go on.
type standing time.Time

// Now is the start of the night.
func (s standing) Now() time.Time { return time.Time(s) }

// Sleep does not wait.
func (s standing) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// After fires at once.
func (s standing) After(time.Duration) <-chan time.Time {
	fired := make(chan time.Time, 1)
	fired <- time.Time(s)
	return fired
}
