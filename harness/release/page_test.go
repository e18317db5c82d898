package release

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

var phone = harness.DeviceProfile{Name: "iPhone12Pro", Marketing: "iPhone 12 Pro", MemoryBytes: 6 << 30, LimitBytes: 3100 << 20}

// llama is a model of 1.2 GB at 4 bits whose cache of 8192 tokens takes 268,435,456 bytes.
var llama = Shape{WeightBytes: 1_200_000_000, Layers: 16, KVHeads: 8, HeadDim: 64, Context: 8192}

func TestMemory(t *testing.T) {
	require.Equal(t, int64(268_435_456), llama.CacheBytes(8192))
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
		"fits":                     {phone, &llama, nil, Pass, 1_468_435_456, "calculated from sizes alone"},
		"weights too large":        {phone, &large, nil, Fail, 3_268_435_456, "calculated"},
		"a run took more":          {phone, &llama, peak(3.3e9), Fail, 3.3e9, "assumed"},
		"a run took less":          {phone, &llama, peak(5e8), Pass, 1_468_435_456, "assumed"},
		"converted with a shorter": {phone, &short, nil, Pass, 1_468_435_456, "converted with a cache of 512 tokens"},
		"no shape":                 {phone, nil, nil, NotMeasured, 0, "does not say its layers"},
		"a shape of nothing":       {phone, &Shape{WeightBytes: 5}, peak(1), NotMeasured, 0, "does not say its layers"},
		"no limit":                 {unknown, &llama, nil, NotMeasured, 0, "app_limit_mib is missing"},
	} {
		g := Memory(c.device, 8192, c.shape, "", c.peaks)
		require.Equal(t, c.want, g.Status, "%s", name)
		require.Equal(t, c.value == 0, g.Value == nil, "%s", name)
		if g.Value != nil {
			assert.InDelta(t, c.value, *g.Value, 0, "%s", name)
		}
		assert.Contains(t, (g.Reason + strings.Join(g.Remarks, " ")), c.says, "%s: it says", name)
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
		"fast enough":                  {speed, 20, []Evidence{{Value: 20}}, Pass},
		"too slow":                     {speed, 20, []Evidence{{Value: 19.9}}, Fail},
		"soon enough":                  {latency, 1, []Evidence{{Value: 1}}, Pass},
		"too late":                     {latency, 1, []Evidence{{Value: 1.1}}, Fail},
		"one phone of two is too slow": {speed, 20, []Evidence{{Value: 25}, {Value: 19}}, Fail},
		"no evidence":                  {latency, 1, nil, NotMeasured},
	} {
		g := Measured(CheckClaim, "x", c.metric, c.bound, c.values, "no run")
		assert.Equal(t, c.want, g.Status, "%s", name)
		assert.Equal(t, g.Reason == "no run", c.values == nil, "%s", name)
	}
}

func TestAfter(t *testing.T) {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	measured := Measured(CheckClaim, "x", speed, 20, []Evidence{{Value: 25}}, "")
	nothing := Measured(CheckClaim, "x", speed, 20, nil, "no session has it")
	ended := func(outcomes ...harness.Outcome) (out []End) {
		for _, o := range outcomes {
			out = append(out, End{Run: "r1", Session: "s000", Outcome: o})
		}
		return out
	}
	for name, c := range map[string]struct {
		check        Check
		ends         []End
		want         Status
		reason, also string
	}{
		"well":                    {measured, nil, Pass, "", ""},
		"killed":                  {measured, ended(harness.OutcomeJetsam), Fail, "session s000 of run r1: jetsam", ""},
		"killed without a figure": {nothing, ended(harness.OutcomeJetsam), Fail, "session s000 of run r1: jetsam", ""},
		"too hot":                 {measured, ended(harness.OutcomeThermal), Fail, "session s000 of run r1: thermal", ""},
		"cable and crash": {measured, ended(harness.OutcomeDeviceLost, harness.OutcomeAppCrash), Fail, "session s000 of run r1: app_crash",
			"device_lost"},
		"cable":                 {measured, ended(harness.OutcomeDeviceLost), Pass, "", "session s000 of run r1: device_lost"},
		"cable before a figure": {nothing, ended(harness.OutcomeDeviceLost), NotMeasured, "session s000 of run r1: device_lost", ""},
		"no end":                {nothing, ended(""), NotMeasured, "session s000 of run r1: cut off", ""},
	} {
		g := c.check.After(c.ends)
		assert.Equal(t, c.want, g.Status, "%s", name)
		assert.Equal(t, c.reason, g.Reason, "%s", name)
		assert.Contains(t, strings.Join(g.Remarks, " "), c.also, "%s", name)
		assert.Equal(t, len(g.Remarks) == 0, c.also == "", "%s", name)
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
		require.Equal(t, c.want, g.Status, "%s", name)
		if assert.Equal(t, c.value == 0, g.Value == nil, "%s", name); g.Value != nil {
			assert.InDelta(t, c.value, *g.Value, 0, "%s", name)
		}
		if g.Status == NotMeasured {
			assert.NotEmpty(t, g.Reason, "%s", name)
		}
	}
}

func TestPage(t *testing.T) {
	pass, fail, none := Check{Status: Pass}, Check{Status: Fail}, Check{Status: NotMeasured}
	pass.Evidence = []Evidence{{Kind: harness.KindSimulated}, {Kind: harness.KindIPhone}, {Calculated: true}, {Kind: harness.KindSimulated}}
	for _, c := range []struct {
		checks []Check
		want   Status
	}{
		{[]Check{pass, pass}, Pass},
		{[]Check{pass, none}, NotMeasured},
		{[]Check{none, fail, none}, Fail},
		{[]Check{fail, pass}, Fail},
		{nil, NotMeasured},
	} {
		p := NewPage(harness.Claims{}, "m", time.Time{}, c.checks)
		assert.Equal(t, c.want, p.Status, "%d checks", len(c.checks))
		if len(c.checks) == 2 && c.want == Pass {
			assert.Equal(t, []harness.DeviceKind{harness.KindSimulated}, p.Synthetic())
		}
	}
}

func TestCount(t *testing.T) {
	p := NewPage(harness.Claims{}, "m", time.Time{}, []Check{{Status: Fail}, {Status: NotMeasured}, {Status: NotMeasured}})
	assert.Equal(t, 0, p.Count(Pass))
	assert.Equal(t, 1, p.Count(Fail))
	assert.Equal(t, 2, p.Count(NotMeasured))
}
