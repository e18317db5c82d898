package reports

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// TestCrossChecks: every format shows what MetricKit says, and where it disagrees.
func TestCrossChecks(t *testing.T) {
	report := New(fixture("r1", harness.KindIPhone, noon, 1))
	report.CrossChecks = []harness.CrossCheck{{
		Device: "iPhone15,4", Kind: harness.KindIPhone, Begin: noon.Add(-time.Hour), End: noon.Add(23 * time.Hour), ZoneStated: true, Sessions: 3,
		Runs:     []string{"r1"},
		Payloads: []string{"day <1>.json"}, Notes: []string{"the payload names a device type, not a single device"},
		Rows: []harness.CrossCheckRow{
			{What: "peak memory", Unit: "B", MetricKit: ptr(200e6), Ours: ptr(45.4e6), Disagrees: true, Note: "ours is the highest"},
			{What: "decodes marked", Unit: "1", MetricKit: ptr(12.0), Ours: ptr(12.0)},
			{What: "peak memory elsewhere", Unit: "B", MetricKit: ptr(1e6)},
		},
	}}
	for name, c := range map[string]struct {
		write func(io.Writer) error
		want  []string
	}{
		"text": {report.Text, []string{
			"MetricKit cross-check: iPhone15,4, 2026-11-23 11:00 to 2026-11-24 11:00 UTC, 3 sessions of 1 run", "190.7 MiB", "43.30 MiB",
			"DISAGREES", "agrees", "from day <1>.json",
		}},
		"md": {report.Markdown, []string{
			"## MetricKit cross-check", "| peak memory | 190.7 MiB | 43.30 MiB | DISAGREES | ours is the highest |",
			"| decodes marked | 12 | 12 | agrees |", "day &lt;1>.json",
		}},
		"html": {report.HTML, []string{
			`<span class="badge bad">disagrees</span>`, `<span class="badge good">agrees</span>`, "day &lt;1&gt;.json",
			"It is an independent source", "Not included: weights that are mapped from a file and only read",
		}},
		"json": {report.JSON, []string{`"metrickit": [`, `"disagrees": true`, `"ours": 45400000`}},
	} {
		var b bytes.Buffer
		require.NoError(t, c.write(&b))
		for _, want := range c.want {
			assert.Contains(t, b.String(), want, "%s lacks", name)
		}
	}
}
