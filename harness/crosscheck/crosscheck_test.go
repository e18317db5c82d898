package crosscheck

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// day is a payload about the 23rd of November.
func day(figures string, change ...func(*Delivery)) Delivery {
	d := Delivery{Taken: harness.Taken{Source: "day.json", Format: "metric", DeviceType: "iPhone15,4", OSBuild: "22G86",
		BundleID: "org.lilims.bench", AppBuild: "7",
		Begin: "2026-11-23T00:00:00Z", End: "2026-11-23T23:59:00Z", ZoneStated: true, Figures: []byte(figures)}}
	for _, c := range change {
		c(&d)
	}
	return d
}

// run is a run of one session with two iterations, on a unit.
func run(id, udid string, at time.Time, change ...func(*harness.RecordedSession)) harness.Recorded {
	s := harness.RecordedSession{
		Begin: harness.SessionBegin{ID: "s000", At: at, Build: harness.Build{BundleID: "org.lilims.bench", Number: "7"},
			Case: harness.Case{Device: harness.Device{UDID: udid, Kind: harness.KindIPhone, ProductType: "iPhone15,4", OSBuild: "22G86"}}},
		End: &harness.SessionEnd{Outcome: harness.OutcomeOK, At: at.Add(time.Minute)},
		Samples: []harness.Sample{
			{Metric: harness.Footprint, Value: 90e6}, {Metric: harness.LedgerPeak, Value: 100e6}, {Metric: harness.LoadCold, Value: 2},
		},
	}
	for i := range 2 {
		begin := int64(i) * 10e9
		s.Iterations = append(s.Iterations, harness.Iteration{Index: i, Warmup: i == 0, Outcome: harness.OutcomeOK, BeginNs: begin,
			PrefillNs: ptr(int64(1e9)),
			TokenNs:   []int64{begin + 1e9, begin + 4e9}, EndNs: ptr(begin + 5e9)})
	}
	for _, c := range change {
		c(&s)
	}
	return harness.Recorded{Run: harness.Run{ID: id, Start: at}, Sessions: []harness.RecordedSession{s}}
}

// rows are a cross-check's rows, short.
func rows(w harness.CrossCheck) string {
	var out []string
	for _, r := range w.Rows {
		ours, mark := "-", "="
		if r.Ours != nil {
			ours = fmt.Sprint(*r.Ours)
		}
		if r.Disagrees {
			mark = "!"
		}
		out = append(out, fmt.Sprintf("%s %v %s %s", r.What, *r.MetricKit, mark, ours))
	}
	return strings.Join(out, "; ")
}

func TestRows(t *testing.T) {
	const peak = `{"path":"memoryMetrics.peakMemoryUsage","value":%g,"unit":"B"}`
	signpost := func(phase, name string, value float64) string {
		return fmt.Sprintf(`{"path":"signpostMetrics.0.%s","signpost":%q,"category":"bench","value":%g,"unit":"1"}`, name, phase, value)
	}
	for _, c := range []struct {
		name, figures string
		change        func(*harness.RecordedSession)
		want          string
	}{
		{"peak memory, alike", fmt.Sprintf(peak, 105e6), nil, "peak memory 1.05e+08 = 1e+08"},
		{"peak memory, apart", fmt.Sprintf(peak, 200e6), nil, "peak memory 2e+08 ! 1e+08"},
		{"peak memory of iOS 27", `{"path":"intervalEntries.0.values.peakMemory","value":1e8,"unit":"B"}`, nil, "peak memory 1e+08 = 1e+08"},
		{"no footprint", fmt.Sprintf(peak, 200e6), func(s *harness.RecordedSession) { s.Samples = nil }, "peak memory 2e+08 = -"},
		{"the app's own highest", fmt.Sprintf(
			peak, 90e6,
		), func(s *harness.RecordedSession) { s.Samples = s.Samples[:1] }, "peak memory 9e+07 = 9e+07"},
		{"counts", signpost("load", "totalSignpostCount", 1) + "," + signpost(
			"prefill", "totalSignpostCount", 2,
		) + "," + signpost("decode", "totalSignpostCount", 3), nil,
			"loads marked 1 = 1; prefills marked 2 = 2; decodes marked 3 ! 2"},
		{"someone else's signpost", `{"path":"signpostMetrics.0.totalSignpostCount","signpost":"decode","category":"network","value":9,` +
			`"unit":"1"}`, nil, ""},
		{"CPU time", signpost("decode", "signpostIntervalData.signpostCumulativeCPUTime", 12), nil, "CPU time in decode 12 = 6"},
		{"CPU time of more cores than there are", signpost(
			"prefill", "signpostIntervalData.signpostCumulativeCPUTime", 50,
		), nil, "CPU time in prefill 50 ! 2"},
		{"CPU time of iOS 27", signpost("decode", "signpostInterval.cpuTime", 6), nil, "CPU time in decode 6 = 6"},
		{"foreground", `{"path":"applicationTimeMetrics.cumulativeForegroundTime","value":60,"unit":"s"}`, nil, "time in the foreground 60 = 10"},
		{"less in the foreground than at work", `{"path":"applicationTimeMetrics.cumulativeForegroundTime","value":5,"unit":"s"}`, nil,
			"time in the foreground 5 ! 10"},
		{"terminated for memory", `{"path":"applicationExitMetrics.foregroundExitData.cumulativeMemoryResourceLimitExitCount","value":1,` +
			`"unit":"1"}`,
			func(s *harness.RecordedSession) { s.End.Outcome = harness.OutcomeJetsam }, "terminated for memory 1 = 1; crashed 0 = 0"},
		{"a crash that MetricKit does not know", `{"path":"applicationExitMetrics.foregroundExitData.cumulativeNormalAppExitCount","value":3,` +
			`"unit":"1"}`,
			func(s *harness.RecordedSession) { s.End.Outcome = harness.OutcomeAppCrash }, "terminated for memory 0 = 0; crashed 0 ! 1"},
		{"nothing in common", `{"path":"diskIOMetrics.cumulativeLogicalWrites","value":3,"unit":"B"}`, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			recorded := run("r1", "U1", noon)
			if c.change != nil {
				c.change(&recorded.Sessions[0])
			}
			got := Compare([]harness.Recorded{recorded}, []Delivery{day("[" + c.figures + "]")})
			require.Len(t, got, 1, "Compare")
			assert.Equal(t, c.want, rows(got[0]), "Compare")
		})
	}
}

// TestWhatIsJoined: device, build, bundle, OS and time must agree, and a unit where the payload is known to be of one.
func TestWhatIsJoined(t *testing.T) {
	const peak = `[{"path":"memoryMetrics.peakMemoryUsage","value":1e8,"unit":"B"}]`
	runs := []harness.Recorded{run("r1", "U1", noon), run("r2", "U2", noon.Add(time.Hour)), run("r3", "U1", noon.Add(2*time.Hour))}
	for _, c := range []struct {
		name   string
		change func(*Delivery)
		want   string // unit: sessions
	}{
		{"both units", func(*Delivery) {}, "U1:2 U2:1"},
		{"brought by one unit", func(d *Delivery) { d.UDID = "U2" }, "U2:1"},
		{"another device", func(d *Delivery) { d.DeviceType = "iPhone12,1" }, ""},
		{"another OS", func(d *Delivery) { d.OSBuild = "23A000" }, ""},
		{"another build", func(d *Delivery) { d.AppBuild = "8" }, ""},
		{"another app", func(d *Delivery) { d.BundleID = "org.example" }, ""},
		{"says little of itself", func(d *Delivery) { d.OSBuild, d.AppBuild, d.BundleID = "", "", "" }, "U1:2 U2:1"},
		{"half a day", func(d *Delivery) { d.Begin = "2026-11-23T12:30:00Z" }, "U2:1 U1:1"},
		{"the day before", func(d *Delivery) { d.Begin, d.End = "2026-11-22T00:00:00Z", "2026-11-22T23:59:00Z" }, ""},
		{"the day before, without a zone", func(d *Delivery) {
			d.Begin, d.End, d.ZoneStated = "2026-11-22T00:00:00Z", "2026-11-22T23:59:00Z", false
		}, "U1:1 U2:1"},
		{"an instant", func(d *Delivery) { d.End = d.Begin }, ""},
		{"a diagnostic", func(d *Delivery) { d.Format = "diagnostic" }, ""},
		{"not readable", func(d *Delivery) { d.Problem = "no JSON" }, ""},
		{"figures that are none", func(d *Delivery) { d.Figures = []byte("{") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, w := range Compare(runs, []Delivery{day(peak, c.change)}) {
				got = append(got, fmt.Sprintf("%s:%d", w.UDID, w.Sessions))
			}
			assert.Equal(t, c.want, strings.Join(got, " "), "joined")
		})
	}
}

// TestPayloadsOfOneWindowSpeakTogether: the system delivers a day in parts.
func TestPayloadsOfOneWindowSpeakTogether(t *testing.T) {
	one := day(`[{"path":"memoryMetrics.peakMemoryUsage","value":1e8,"unit":"B"}]`)
	two := day(
		`[{"path":"applicationTimeMetrics.cumulativeForegroundTime","value":60,"unit":"s"}]`, func(d *Delivery) { d.Source = "other.json" },
	)
	got := Compare([]harness.Recorded{run("r1", "U1", noon)}, []Delivery{one, two})
	require.Len(t, got, 1, "Compare")
	require.Len(t, got[0].Payloads, 2, "Compare")
	assert.Len(t, got[0].Rows, 2, "Compare")
}
