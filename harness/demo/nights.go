package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
)

// Nights is how many nights the history has.
const Nights = 40

// How slow builds are, relative to those before them: the nightly ones from the step on, and the gate's candidate.
const (
	StepSpeed = 0.93
	GateSpeed = 0.91
)

// The events, by nights from 0, and how strong they are. An iteration's speed spreads by 2 %, as that of a cool phone does.
const (
	startHour   = 2  // UTC
	oddNight    = 12 // everything is slow, and is not the night after
	oddSpeed    = 0.85
	stepNight   = 24 // the first with a slower build
	updateNight = 31 // the second phone has a new OS
	spread      = 0.02
	firstSeed   = 1600 // of the nights' noise: one that makes no outliers by itself
)

// The gate was cut off after 12 of the 16 pairs that the default rule asks for at most, on a night when the phone's speed
// varies more. Its candidate's loss is so near the threshold of 10 % that they do not decide.
const (
	gatePairs  = 12
	gateSpread = 0.05
	gateSeed   = 600
)

// Night is how the simulated lab is on one night.
type Night struct {
	Start     time.Time
	Seed      uint64
	Profiles  []harness.DeviceProfile
	Scenarios []string          // names or patterns of what is measured
	OS        map[string]string // product type -> OS version
	OSBuild   map[string]string // product type -> OS build
	Speed     float64           // of everything that night, relative
	CV        float64           // spread of an iteration's speed, relative
}

// calendar says how the lab is on each night.
type calendar struct {
	first  time.Time
	phones []harness.DeviceProfile
}

func (c calendar) start(n int) time.Time { return c.first.AddDate(0, 0, n) }

func (c calendar) night(n int) Night {
	night := Night{Start: c.start(n), Seed: firstSeed + uint64(n), Profiles: c.phones, Scenarios: []string{"demo-*"}, Speed: 1, CV: spread,
		OS: map[string]string{}, OSBuild: map[string]string{}}
	for _, p := range c.phones {
		night.OS[p.ProductType], night.OSBuild[p.ProductType] = "26.6", "23G93"
	}
	if updated := c.phones[1].ProductType; n >= updateNight {
		night.OS[updated], night.OSBuild[updated] = "27.1", "24B83"
	}
	if n == oddNight {
		night.Speed = oddSpeed
	}
	return night
}

// gateNight is the last night once more, an hour later: the gate has the updated phone and one case.
func (c calendar) gateNight() Night {
	night := c.night(Nights - 1)
	night.Start = night.Start.Add(time.Hour)
	night.Profiles, night.Scenarios = c.phones[1:], []string{"demo-chat"}
	night.CV, night.Seed = gateSpread, gateSeed
	return night
}

// scenarios are what the demo measures: short, so that forty nights take seconds.
func scenarios() map[string]harness.Scenario {
	out := map[string]harness.Scenario{}
	for name, tokens := range map[string][2]int{"demo-chat": {32, 24}, "demo-summary": {256, 16}, "demo-story": {8, 48}} {
		out[name] = harness.Scenario{Name: name, PromptTokens: tokens[0], GenerateTokens: tokens[1], Warmups: 1, Iterations: 3, Sessions: 2,
			ComputeUnits: harness.ComputeAll, StartThermal: harness.ThermalFair, SessionTimeout: 5 * time.Minute}
	}
	return out
}

// model is the story model's name and size; simulated devices need no file of it.
func model() harness.Model {
	return harness.Model{Name: "stories-1m", Version: "1.0.0", Hash: "simulated-stories-1m", SizeBytes: 2 << 20}
}

// nightly is a night's build: a new one every week, and one more with the change that costs speed.
func nightly(n int) harness.Build {
	if n >= stepNight {
		return build(harness.ArmCandidate, fmt.Sprintf("week %d, slower", n/7), StepSpeed)
	}
	return build(harness.ArmCandidate, fmt.Sprintf("week %d", n/7), 1)
}

// gateBuilds are the two builds of the gate: the last night's, and a candidate for the next.
func gateBuilds() []harness.Build {
	baseline := nightly(Nights - 1)
	baseline.Arm = harness.ArmBaseline
	return []harness.Build{build(harness.ArmCandidate, "gate", StepSpeed*GateSpeed), baseline}
}

// build is a build of the app for simulated devices, whose configuration says how fast it is.
func build(arm harness.Arm, name string, speed float64) harness.Build {
	digest := sha256.Sum256([]byte(name))
	text := hex.EncodeToString(digest[:])
	configuration := "Release"
	if speed != 1 {
		configuration = fmt.Sprintf("Release speed=%.3g", speed)
	}
	return harness.Build{Arm: arm, BundleID: "org.lilims.simulated", Version: "0.1.0", Revision: text[:7], Configuration: configuration,
		Hash: "simulated-" + text[:16]}
}
