package prelaunch

import (
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

var phone = harness.DeviceProfile{Name: "iPhone12Pro", Marketing: "iPhone 12 Pro", MemoryBytes: 6 << 30, LimitBytes: 3100 << 20}

// llama is a model of 1.2 GB at 4 bits whose cache of 8192 tokens takes 268,435,456 bytes.
var llama = Shape{WeightBytes: 1_200_000_000, Layers: 16, KVHeads: 8, HeadDim: 64, Context: 8192}

func TestMemory(t *testing.T) {
	if got := llama.CacheBytes(8192); got != 268_435_456 {
		t.Fatalf("CacheBytes(8192) = %d", got)
	}
	large := llama
	large.WeightBytes = 3_000_000_000
	short := llama
	short.Context = 512
	unknown := phone
	unknown.LimitBytes = 0
	peak := func(v float64) []Evidence {
		return []Evidence{{What: "peak", Value: v, Unit: "B", Run: "r1", Kind: harness.KindVirtual}}
	}
	for name, c := range map[string]struct {
		device harness.DeviceProfile
		shape  *Shape
		peaks  []Evidence
		want   Status
		value  float64
		says   string
	}{
		"fits":                     {phone, &llama, nil, Pass, 1_468_435_456, "rests on the reckoning alone"},
		"weights too large":        {phone, &large, nil, Fail, 3_268_435_456, "reckoning"},
		"a run took more":          {phone, &llama, peak(3.3e9), Fail, 3.3e9, "assumed"},
		"a run took less":          {phone, &llama, peak(5e8), Pass, 1_468_435_456, "assumed"},
		"converted with a shorter": {phone, &short, nil, Pass, 1_468_435_456, "converted with a cache of 512 tokens"},
		"no shape":                 {phone, nil, nil, NotMeasured, 0, "does not say its layers"},
		"a shape of nothing":       {phone, &Shape{WeightBytes: 5}, peak(1), NotMeasured, 0, "does not say its layers"},
		"no limit":                 {unknown, &llama, nil, NotMeasured, 0, "app_limit_mib is missing"},
	} {
		g := Memory(c.device, 8192, c.shape, "", c.peaks)
		if g.Status != c.want || (g.Value == nil) != (c.value == 0) || g.Value != nil && *g.Value != c.value {
			t.Errorf("%s: %s with %v, want %s with %v", name, g.Status, g.Value, c.want, c.value)
		}
		if all := g.Reason + strings.Join(g.Remarks, " "); !strings.Contains(all, c.says) {
			t.Errorf("%s: it says %q, want %q", name, all, c.says)
		}
	}
}

func TestMeasured(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	latency, _ := harness.MetricNamed(harness.TTFT)
	for name, c := range map[string]struct {
		metric harness.Metric
		bound  float64
		values []Evidence
		want   Status
	}{
		"fast enough":                 {speed, 20, []Evidence{{Value: 20}}, Pass},
		"too slow":                    {speed, 20, []Evidence{{Value: 19.9}}, Fail},
		"soon enough":                 {latency, 1, []Evidence{{Value: 1}}, Pass},
		"too late":                    {latency, 1, []Evidence{{Value: 1.1}}, Fail},
		"one unit of two is too slow": {speed, 20, []Evidence{{Value: 25}, {Value: 19}}, Fail},
		"no evidence":                 {latency, 1, nil, NotMeasured},
	} {
		g := Measured(GateClaim, "x", c.metric, c.bound, c.values, "no run")
		if g.Status != c.want || (c.values == nil) != (g.Reason == "no run") {
			t.Errorf("%s: %s (%s), want %s", name, g.Status, g.Reason, c.want)
		}
	}
}

func TestAfter(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	measured := Measured(GateClaim, "x", speed, 20, []Evidence{{Value: 25}}, "")
	nothing := Measured(GateClaim, "x", speed, 20, nil, "no session has it")
	ended := func(outcomes ...harness.Outcome) (out []End) {
		for _, o := range outcomes {
			out = append(out, End{Run: "r1", Session: "s000", Outcome: o})
		}
		return out
	}
	for name, c := range map[string]struct {
		gate         Gate
		ends         []End
		want         Status
		reason, also string
	}{
		"well":                    {measured, nil, Pass, "", ""},
		"killed":                  {measured, ended(harness.OutcomeJetsam), Fail, "session s000 of run r1: jetsam", ""},
		"killed without a figure": {nothing, ended(harness.OutcomeJetsam), Fail, "session s000 of run r1: jetsam", ""},
		"too hot":                 {measured, ended(harness.OutcomeThermal), Fail, "session s000 of run r1: thermal", ""},
		"cable and crash":         {measured, ended(harness.OutcomeDeviceLost, harness.OutcomeAppCrash), Fail, "session s000 of run r1: app_crash", "device_lost"},
		"cable":                   {measured, ended(harness.OutcomeDeviceLost), Pass, "", "session s000 of run r1: device_lost"},
		"cable before a figure":   {nothing, ended(harness.OutcomeDeviceLost), NotMeasured, "session s000 of run r1: device_lost", ""},
		"no end":                  {nothing, ended(""), NotMeasured, "session s000 of run r1: cut off", ""},
	} {
		g := c.gate.After(c.ends)
		if g.Status != c.want || g.Reason != c.reason || !strings.Contains(strings.Join(g.Remarks, " "), c.also) || (c.also == "") != (len(g.Remarks) == 0) {
			t.Errorf("%s: %s, %q, remarks %q; want %s, %q, %q", name, g.Status, g.Reason, g.Remarks, c.want, c.reason, c.also)
		}
	}
}

func TestSize(t *testing.T) {
	app := &App{InstalledBytes: 150e6, ArchiveBytes: 60e6}
	whole := &App{InstalledBytes: 150e6, ArchiveBytes: 60e6, HoldsModel: true}
	for name, c := range map[string]struct {
		app   *App
		model int64
		want  Status
		value float64
	}{
		"model beside it":       {app, 40e6, Pass, 190e6},
		"too large with it":     {app, 60e6, Fail, 210e6},
		"model inside":          {whole, 60e6, Pass, 150e6},
		"no app":                {nil, 60e6, NotMeasured, 0},
		"model of unknown size": {app, 0, NotMeasured, 0},
	} {
		g := Size(c.app, c.model, 200e6, "there is none")
		if g.Status != c.want || g.Value != nil && *g.Value != c.value || g.Status == NotMeasured && g.Reason == "" {
			t.Errorf("%s: %s with %v (%s), want %s with %v", name, g.Status, g.Value, g.Reason, c.want, c.value)
		}
	}
}

func TestPage(t *testing.T) {
	pass, fail, none := Gate{Status: Pass}, Gate{Status: Fail}, Gate{Status: NotMeasured}
	pass.Evidence = []Evidence{{Kind: harness.KindSimulated}, {Kind: harness.KindIPhone}, {Reckoned: true}, {Kind: harness.KindSimulated}}
	for _, c := range []struct {
		gates []Gate
		want  Status
	}{{[]Gate{pass, pass}, Pass}, {[]Gate{pass, none}, NotMeasured}, {[]Gate{none, fail, none}, Fail}, {[]Gate{fail, pass}, Fail}, {nil, NotMeasured}} {
		p := NewPage(harness.Claims{}, "m", time.Time{}, c.gates)
		if p.Status != c.want {
			t.Errorf("%d gates: %s, want %s", len(c.gates), p.Status, c.want)
		}
		if len(c.gates) == 2 && c.want == Pass && (len(p.Synthetic()) != 1 || p.Synthetic()[0] != harness.KindSimulated) {
			t.Errorf("synthetic kinds %v", p.Synthetic())
		}
	}
}
