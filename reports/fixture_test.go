package reports

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func fixtureCase(kind harness.DeviceKind) harness.Case {
	return harness.Case{
		Device: harness.Device{UDID: "00008120-001A2B3C4D5E601E", Name: "shelf <1>", Kind: kind, ProductType: "iPhone15,4",
			Marketing: "iPhone 15",
			Chip:      "A16 Bionic", OSVersion: "18.6", OSBuild: "22G86", Connection: "USB"},
		Model: harness.Model{Name: "stories-1m", Version: "1.0.0", Quantization: "fp16", Hash: "5feceb66ffc86f38d952786c6d696c79"},
		Scenario: harness.Scenario{
			Name: "quick", PromptTokens: 16, GenerateTokens: 64, Warmups: 1, Iterations: 3, ComputeUnits: harness.ComputeCPUAndNeuralEngine,
		},
	}
}

// fixture is a run of two ended sessions and one that was cut off, seeded: the same every time.
func fixture(id string, kind harness.DeviceKind, start time.Time, speed float64) harness.Recorded {
	random := rand.New(rand.NewPCG(1, 2))
	end := start.Add(95 * time.Second)
	c := fixtureCase(kind)
	build := harness.Build{
		Arm: harness.ArmCandidate, BundleID: "org.lilims.bench", Version: "1.0.0", Revision: "0123abc", Configuration: "Release",
		Hash: "6b86b273ff34fce1",
	}
	run := harness.Run{ID: id, Revision: "0123abc", Start: start, End: &end, Synthetic: kind.Synthetic(), Host: "lab-1",
		Plan: harness.Plan{Seed: 1, Cases: []harness.Case{c}, Builds: []harness.Build{build}}}
	recorded := harness.Recorded{Run: run, Notices: []harness.SessionNotice{
		{Session: "s001-candidate", Notice: harness.Notice{What: "device", Text: "gone for 2.1 s, then back", At: start.Add(40 * time.Second)}}}}
	for n := range 3 {
		planned := harness.PlannedSession{
			ID: "s00" + strconv.Itoa(n) + "-candidate", Ordinal: n, Arm: harness.ArmCandidate, Pair: n, ColdFrom: n == 0,
		}
		s := harness.RecordedSession{Begin: harness.SessionBegin{ID: planned.ID, Attempt: 1, Planned: planned, Case: c, Build: build,
			At: start.Add(time.Duration(n) * 30 * time.Second), State: &harness.DeviceState{BatteryPercent: ptr(82.0), BatteryCelsius: ptr(24.5)},
			Fingerprint: harness.Fingerprint{
				UDID: c.Device.UDID, OSBuild: "22G86", ModelHash: c.Model.Hash, ScenarioHash: "ab12", Protocol: "1", PowerMode: "normal", Kind: kind,
			}}}
		fixtureSession(&s, n, random, speed)
		recorded.Sessions = append(recorded.Sessions, s)
	}
	return recorded
}

func fixtureSession(s *harness.RecordedSession, n int, random *rand.Rand, speed float64) {
	id, at := s.Begin.ID, s.Begin.At
	derived := func(index *int, metric string, value float64) {
		m, _ := harness.MetricNamed(metric)
		s.Samples = append(s.Samples, harness.Sample{
			Session: id, Iteration: index, Metric: metric, Value: value, Unit: m.Unit, At: at, Source: harness.SourceDerived,
		})
	}
	derived(nil, map[bool]string{true: harness.LoadFirstEver, false: harness.LoadCold}[n == 0], 0.31-0.1*float64(min(n, 1)))
	ns := int64(4e11)
	for i := range 4 {
		if n == 2 && i == 2 {
			break // cut off
		}
		it := harness.Iteration{Session: id, Index: i, Warmup: i == 0, PromptTokens: 16, Outcome: harness.OutcomeOK, BeginNs: ns,
			Text:    "Once upon a time there was a little <b>cat</b> who liked to climb.\nOne day the cat saw a \"bird\" & said hello.",
			Thermal: ptr(harness.ThermalNominal)}
		if n == 1 && i == 3 {
			it.Outcome, it.Reason = harness.OutcomeInvalid, "event line 41 cannot be read"
		}
		ns += int64(8e6 + random.NormFloat64()*2e5)
		it.PrefillNs = ptr(ns - it.BeginNs)
		for token := range 64 {
			it.TokenIDs = append(it.TokenIDs, int32(token))
			it.TokenNs = append(it.TokenNs, ns)
			ns += int64(2.4e6/speed + random.ExpFloat64()*2e5)
			if token%8 == 0 {
				at = s.Begin.At.Add(time.Duration(ns-4e11) + time.Second)
				s.Samples = append(s.Samples,
					harness.Sample{
						Session: id, Iteration: ptr(i), Metric: harness.Footprint, Value: 38e6 + float64(token*i)*4e4, Unit: "B", At: at, Phase: "decode",
						Source: harness.SourceApp,
					},
					harness.Sample{
						Session: id, Metric: harness.FootprintHost, Value: 39.5e6 + float64(token*i)*4e4, Unit: "B", At: at, Source: harness.SourceHost,
					})
			}
		}
		it.EndNs = ptr(ns)
		s.Iterations = append(s.Iterations, it)
		fixtureFigures(it, i, n, derived)
		ns += 2e8
	}
	s.Absences = append(s.Absences, harness.Absence{
		Session: id, Metric: harness.ITLP99, Reason: "63 intervals between tokens; 100 are needed",
	})
	for r := range 6 {
		s.Battery = append(s.Battery, harness.BatteryReading{At: s.Begin.At.Add(time.Duration(r) * 5 * time.Second),
			VoltageMillivolt: ptr(int64(4012)),
			SystemLoadCount:  ptr(uint64(100 + 5*r)), AccumulatedSystemLoad: ptr(uint64(90_000 + 7300*r + 900*r*(r%3)))})
	}
	if n == 2 {
		return
	}
	derived(nil, harness.PeakFootprintHost, 47.1e6)
	energy := func(metric string, value, uncertainty float64) {
		derived(nil, metric, value)
		last := &s.Samples[len(s.Samples)-1]
		last.Method, last.Uncertainty = "accumulated system load, idle subtracted", ptr(uncertainty)
	}
	if n == 0 {
		energy(harness.Energy, 21.4, 0.9)
		energy(harness.EnergyPerToken, 0.0836, 0.0035)
	} else {
		for _, metric := range []string{harness.Energy, harness.EnergyPerToken} {
			s.Absences = append(s.Absences, harness.Absence{Session: id, Metric: metric, Reason: "the phone was charging"})
		}
	}
	s.End = &harness.SessionEnd{ID: id, Outcome: harness.OutcomeOK, Planned: 3, Measured: 3 - n, Tokens: 256,
		ThermalStart: ptr(harness.ThermalNominal),
		ThermalWorst: ptr(harness.ThermalFair), At: s.Begin.At.Add(25 * time.Second)}
	if n == 1 {
		s.End.Outcome, s.End.Reason, s.End.Evidence = harness.OutcomeInvalid, "1 of 3 iterations cannot be trusted", "line 41: {\"v\":1,\"se\x1b"
	}
}

func fixtureFigures(it harness.Iteration, i, n int, derived func(*int, string, float64)) {
	if it.Outcome != harness.OutcomeOK {
		return
	}
	first := float64(it.TokenNs[0]-it.BeginNs) / 1e9
	switch {
	case i > 0:
		derived(&i, harness.TTFT, first)
	case n == 0:
		derived(&i, harness.TTFTFirstEver, first*9)
	default:
		derived(&i, harness.TTFTCold, first*3)
	}
	if i == 0 {
		return
	}
	rate, _ := derive.DecodeRate(it.TokenNs)
	derived(&i, harness.DecodeTokS, rate)
	derived(&i, harness.PrefillTokS, 16/first)
	derived(&i, harness.ITLP50, 1/rate)
	derived(&i, harness.ITLP95, 1.31/rate)
	derived(&i, harness.PeakFootprint, 45.2e6+float64(i)*1e5)
}
