// Package demo records a lab's history that never was, for people who want to see trends, reports and gates before they own
// a phone: forty nights of two simulated phones in three cases, through the same engine and recorder as any run. The
// history has one step of 7 %, one outlier night, one OS update and one gate that stays inconclusive. Everything in it is
// marked as simulated.
package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
	"github.com/lilims/bench/harness/plan"
)

// The story, by nights from 0.
const (
	Nights      = 40
	StepNight   = 24 // the first with the build that is slower
	StepSpeed   = 0.93
	OddNight    = 12 // everything is slow, and is not the night after
	OddSpeed    = 0.85
	UpdateNight = 31 // the second phone has a new OS
	GatePairs   = 6
	GateSpeed   = 0.92 // of the last gate's candidate
)

// Night is how the simulated lab is on one night.
type Night struct {
	Start    time.Time
	Seed     uint64
	Profiles []harness.DeviceProfile
	OS       map[string][2]string // product type -> version and build
	Speed    float64              // of everything that night, relative
	CV       float64              // spread of an iteration's speed, relative
}

// Options is what the history needs of its surroundings.
type Options struct {
	Catalog  harness.Catalog
	Recorder engine.Recorder
	Runner   func(Night) harness.Runner
	Clock    harness.Clock
	Revision string
	Host     string
	Progress func(night, of int) // may be nil
}

// Story is what was recorded.
type Story struct {
	Runs                     int
	First, Step, Odd, Update time.Time
	Gate                     string // run whose verdict stays open
}

// profiles are the two phones.
func profiles(c harness.Catalog) ([]harness.DeviceProfile, error) {
	var out []harness.DeviceProfile
	for _, name := range []string{"iPhone15", "iPhone16Pro"} {
		p, ok := c.Devices[name]
		if !ok {
			return nil, harness.UsageError("record the demo", "Leave --configs out.", "the catalogue has no device %s", name)
		}
		out = append(out, p)
	}
	return out, nil
}

// scenarios are the three cases of the demo: short, so that forty nights take seconds.
func scenarios() map[string]harness.Scenario {
	out := map[string]harness.Scenario{}
	for name, tokens := range map[string][2]int{"demo-chat": {32, 24}, "demo-summary": {256, 16}, "demo-story": {8, 48}} {
		out[name] = harness.Scenario{Name: name, PromptTokens: tokens[0], GenerateTokens: tokens[1], Warmups: 1, Iterations: 3, Sessions: 2,
			ComputeUnits: harness.ComputeAll, StartThermal: harness.ThermalFair, SessionTimeout: 5 * time.Minute}
	}
	return out
}

// Record records the history, ending with the night before now.
func Record(ctx context.Context, o Options) (Story, error) {
	phones, err := profiles(o.Catalog)
	if err != nil {
		return Story{}, err
	}
	o.Catalog.Scenarios = scenarios()
	const hour = 2 // UTC
	today := o.Clock.Now().UTC().Truncate(24 * time.Hour)
	first := today.AddDate(0, 0, -Nights).Add(hour * time.Hour)
	story := Story{First: first, Step: first.AddDate(0, 0, StepNight), Odd: first.AddDate(0, 0, OddNight), Update: first.AddDate(0, 0, UpdateNight)}
	for n := range Nights {
		if o.Progress != nil {
			o.Progress(n+1, Nights)
		}
		night := o.night(n, phones, first)
		if _, err := o.run(ctx, night, n, 0, candidateOf(n)); err != nil {
			return story, err
		}
		story.Runs++
	}
	story.Gate, err = o.gate(ctx, phones, first.AddDate(0, 0, Nights-1).Add(time.Hour))
	story.Runs++
	return story, err
}

func (o Options) night(n int, phones []harness.DeviceProfile, first time.Time) Night {
	night := Night{Start: first.AddDate(0, 0, n), Seed: uint64(n) + 300, Profiles: phones, Speed: 1, CV: 0.02, OS: map[string][2]string{}}
	for _, p := range phones {
		night.OS[p.ProductType] = [2]string{"26.6", "23G93"}
	}
	if n >= UpdateNight {
		night.OS[phones[1].ProductType] = [2]string{"27.1", "24B83"}
	}
	if n == OddNight {
		night.Speed = OddSpeed
	}
	return night
}

// candidateOf is the build of a night: a new one every week, and one more with the change that cost speed.
func candidateOf(n int) harness.Build {
	week, speed := n/7, 1.0
	if n >= StepNight {
		speed = StepSpeed
	}
	return build(harness.ArmCandidate, fmt.Sprintf("demo%d%t", week, n >= StepNight), speed)
}

// build is a build of the app for simulated devices, whose configuration says how fast it is.
func build(arm harness.Arm, name string, speed float64) harness.Build {
	digest := sha256.Sum256([]byte(name))
	text := hex.EncodeToString(digest[:])
	configuration := "Release"
	if speed != 1 {
		configuration = fmt.Sprintf("Release speed=%g", speed)
	}
	return harness.Build{Arm: arm, BundleID: "org.lilims.simulated." + string(arm), Version: "0.1.0", Revision: text[:7], Configuration: configuration, Hash: "simulated-" + text[:16]}
}

// gate is a comparison that its few pairs and the noise leave open.
func (o Options) gate(ctx context.Context, phones []harness.DeviceProfile, start time.Time) (string, error) {
	night := o.night(Nights-1, phones, start.AddDate(0, 0, -(Nights - 1)))
	night.Profiles = phones[:1]
	night.CV, night.Seed = 0.3, 4711
	return o.run(ctx, night, Nights-1, GatePairs, build(harness.ArmCandidate, "demo gate", StepSpeed*GateSpeed), build(harness.ArmBaseline, "demo gate baseline", StepSpeed))
}

// run makes one run on a night's devices. sessions 0: as the scenarios say.
func (o Options) run(ctx context.Context, night Night, n, sessions int, builds ...harness.Build) (string, error) {
	runner := o.Runner(night)
	devices, err := runner.Devices(ctx)
	if err != nil {
		return "", err
	}
	model := harness.Model{Name: "stories-1m", Version: "1.0.0", Hash: "simulated-stories-1m", SizeBytes: 2 << 20}
	p, err := plan.Build(o.Catalog, plan.Selection{Devices: devices, Models: []harness.Model{model}, Scenarios: []string{"demo-*"}, Builds: builds, Sessions: sessions, Seed: uint64(n)})
	if err != nil {
		return "", err
	}
	first := p.Cases[0]
	run := harness.Run{ID: night.Start.Format("20060102-150405-") + "demo", Revision: o.Revision, Host: o.Host, Start: night.Start, Synthetic: true, Plan: p,
		Fingerprint: harness.Fingerprint{UDID: first.Device.UDID, OSBuild: first.Device.OSBuild, ModelHash: first.Model.Hash, ScenarioHash: first.Scenario.Hash(),
			Protocol: harness.Protocol, PowerMode: "normal", Kind: first.Device.Kind}}
	e := engine.Engine{Runner: runner, Recorder: o.Recorder, Clock: o.Clock, Policy: harness.Policy{Name: "demo", MaxBatteryCelsius: 60}}
	_, err = e.Run(ctx, run)
	return run.ID, err
}
