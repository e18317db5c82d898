package reports

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// soaked is a run of one soak: a minute at 20 tok/s, then heat, then half of it.
func soaked() harness.Recorded {
	recorded := fixture("20261123-120000-5011", harness.KindIPhone, noon, 1)
	s := recorded.Sessions[0]
	s.Begin.Case.Scenario = harness.Scenario{
		Name: "soak", PromptTokens: 64, GenerateTokens: 256, Duration: 2 * time.Minute, ComputeUnits: harness.ComputeAll,
	}
	it := harness.Iteration{Session: s.Begin.ID, PromptTokens: 64, Outcome: harness.OutcomeOK, BeginNs: 1e9, EndNs: ptr(int64(121.2e9))}
	for at := int64(1e9); at <= 121.1e9; at += map[bool]int64{true: 50e6, false: 100e6}[at < 61e9] {
		it.TokenNs, it.TokenIDs = append(it.TokenNs, at), append(it.TokenIDs, 7)
	}
	s.Iterations = []harness.Iteration{it}
	s.Samples = nil
	add := func(metric, unit string, ns int64, value float64) {
		s.Samples = append(s.Samples, harness.Sample{Session: s.Begin.ID, Metric: metric, Unit: unit, Value: value, DeviceNs: &ns,
			At: s.Begin.At.Add(time.Duration(ns)), Source: harness.SourceApp})
	}
	add(harness.ThermalRank, "rank", 0.5e9, 0)
	for ns := int64(2e9); ns < 120e9; ns += 3e9 {
		add(harness.Footprint, "B", ns, 40e6+float64(ns)/1e4)
	}
	add(harness.ThermalRank, "rank", 62e9, 2)
	s.Battery = nil
	for i := range 26 {
		s.Battery = append(s.Battery, harness.BatteryReading{At: s.Begin.At.Add(time.Duration(i*5) * time.Second),
			SystemLoadCount: ptr(uint64(5 * i)), AccumulatedSystemLoad: ptr(uint64(min(5*i, 60)*4000 + max(5*i-60, 0)*2500))})
	}
	s.End.Planned, s.End.Measured, s.End.Tokens = 1, 1, len(it.TokenNs)
	recorded.Run.Plan.Cases[0], recorded.Sessions, recorded.Notices = s.Begin.Case, []harness.RecordedSession{s}, nil
	return recorded
}

func TestSoakCurveInText(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, New(soaked()).Text(&b))
	for _, want := range []string{
		"  s000 under load: 24 windows of 5s\n",
		"  decode   " + strings.Repeat("█", 12) + strings.Repeat("▅", 12) + "  10.00 – 20.00 tok/s\n",
		"  power    " + strings.Repeat("█", 12),
		"  thermal  " + strings.Repeat("n", 12) + strings.Repeat("s", 12) + "  nominal, serious\n",
		"  1m0s  20.00 tok/s    100 %  43.77 MiB  3.700 W  nominal\n",
		"  2m0s  10.00 tok/s     50 %",
	} {
		assert.Contains(t, b.String(), want, "no")
	}
}

func TestSoakCurveOnThePage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, New(soaked()).HTML(&b))
	for _, want := range []string{"Throughput under sustained load", "Memory and power under sustained load",
		`"name":"serious","itemStyle":{"color":"warn-rule","opacity":0.12},"coord":[60,"min"]},{"itemStyle":null,"coord":[120,"max"]`} {
		if !strings.Contains(b.String(), want) {
			at := strings.Index(b.String(), "markArea")
			t.Errorf("no %q on the page, but %.200s", want, b.String()[max(at, 0):])
		}
	}
	b.Reset()
	err := New(fixture("20261123-120000-ab12", harness.KindVirtual, noon, 1)).HTML(&b)
	require.NoError(t, err)
	assert.NotContains(t, b.String(), "sustained load", "a run that is no soak shows a curve (%v)", err)
}

func TestSparkline(t *testing.T) {
	long := make([]*float64, 240)
	for i := range long {
		long[i] = ptr(float64(240 - i))
	}
	line, low, high, ok := sparkline(long)
	assert.False(t, !ok || low != 1 || high != 240 || len([]rune(line)) != widest || []rune(line)[0] != '█' || []rune(line)[widest-1] != '▁',
		"sparkline = %q, %v – %v", line, low, high)
	line, _, _, _ = sparkline([]*float64{ptr(2.0), nil, ptr(2.0)})
	assert.Equal(t, "█ █", line, "a gap is drawn")
	_, _, _, ok = sparkline([]*float64{nil, nil})
	assert.False(t, ok, "nothing is drawn as something")
	line, _, _, _ = sparkline([]*float64{ptr(0.0)})
	assert.Equal(t, "▁", line, "zero is drawn")
}
