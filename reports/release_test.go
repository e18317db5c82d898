package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/release"
)

// hostile is a name that would take a page over, or a terminal.
const hostile = "<script>alert(1)</script>\x1b[2J"

// releasePageOf has a check of every status, and numbers of the kind that is given.
func releasePageOf(kind harness.DeviceKind) release.Page {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	at := noon
	found := release.Evidence{What: "median of the sessions' medians", Value: 90, Unit: "tok/s", Run: "r1", Device: hostile, Kind: kind,
		Build: "abc", Sessions: 2, At: &at}
	return release.NewPage(harness.Claims{Name: hostile}, "m1", noon, []release.Check{
		release.Memory(harness.DeviceProfile{Name: "p", Marketing: "iPhone 12 Pro", MemoryBytes: 6 << 30, LimitBytes: 3 << 30}, 8192,
			&release.Shape{WeightBytes: 1 << 30, Layers: 16, KVHeads: 8, HeadDim: 64, Context: 512}, "", nil),
		release.Measured(release.CheckClaim, "iPhone 15, m1, quick", speed, 100, []release.Evidence{found}, ""),
		release.Measured(release.CheckSoak, "iPhone 15, m1, soak", speed, 100, nil, "no run of "+hostile),
		release.Size(&release.App{InstalledBytes: 150e6, ArchiveBytes: 60e6}, 40e6, 200e6, ""),
	})
}

func releaseText(t *testing.T, write func(io.Writer, release.Page) error, p release.Page) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, write(&b, p))
	return b.String()
}

func wantAll(t *testing.T, text string, wanted ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(text), " ") // widths of columns are not what is asked
	for _, want := range wanted {
		assert.Contains(t, flat, want, "%q is missing in\n%s", want, text)
	}
}

func TestRelease(t *testing.T) {
	text := releaseText(t, Release, releasePageOf(harness.KindSimulated))
	wantAll(t, text, "release check: failed (1 of 4 failed, 1 of 4 not measured) claims", "SYNTHETIC: simulated device.",
		"memory needed at most 3.000 GiB 1.250 GiB PASS", "decode at least 100.0 tok/s 90.00 tok/s FAIL", "size at most 200.0 MB 190.0 MB PASS",
		"— NOT MEASURED", "SIMULATED", "2 sessions, run r1, build abc, 2026-11-23 12:00:00 UTC", "calculated", "no run of <script>",
		"converted with a cache of 512 tokens")
	assert.NotContains(t, text, "\x1b", "a control character reaches the terminal")
	phone := releaseText(t, Release, releasePageOf(harness.KindIPhone))
	assert.NotContains(t, phone, "SYNTHETIC", "a phone's figures are marked")
	assert.NotContains(t, phone, "SIMULATED", "a phone's figures are marked")
}

func TestReleaseHTML(t *testing.T) {
	html := releaseText(t, ReleaseHTML, releasePageOf(harness.KindVirtual))
	wantAll(t, html, `<h1>Release check: <span class="badge bad">failed</span> <span class="badge mark">virtual</span></h1>`,
		"SYNTHETIC: virtual iPhone.",
		"&lt;script&gt;alert(1)&lt;/script&gt;", `<span class="badge good">pass</span>`, `<span class="badge">not measured</span>`,
		"default-src &#39;none&#39;")
	assert.NotContains(t, html, "<script>alert", "a name has become a script")
	engine, _ := assets.ReadFile("assets/echarts/echarts.common.min.js")
	assert.NotContains(t, html, string(engine), "the page has %d bytes, with an engine for charts that it has not", len(html))
	assert.LessOrEqual(t, len(html), 64<<10, "the page has %d bytes, with an engine for charts that it has not", len(html))
	phone := releaseText(t, ReleaseHTML, releasePageOf(harness.KindIPhone))
	assert.NotContains(t, phone, "SYNTHETIC", "a phone's figures are marked")
	assert.NotContains(t, phone, `badge mark`, "a phone's figures are marked")
}

func TestReleaseJSON(t *testing.T) {
	var got struct {
		Schema    int
		Status    string
		Synthetic []string
		Gates     []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(releaseText(t, ReleaseJSON, releasePageOf(harness.KindVirtual))), &got))
	require.Equal(t, 1, got.Schema, "read back")
	require.Equal(t, "fail", got.Status, "read back")
	require.Len(t, got.Synthetic, 1, "read back")
	assert.Equal(t, "virtual", got.Synthetic[0], "read back")
	assert.Len(t, got.Gates, 4, "read back")
	_, present := got.Gates[2]["value"]
	assert.False(t, present, "what was not measured has a value")
}

// TestOutcomes names the whole by the checks that are not as they should be.
func TestOutcomes(t *testing.T) {
	pass, fail, none := release.Check{Status: release.Pass}, release.Check{Status: release.Fail}, release.Check{Status: release.NotMeasured}
	for want, checks := range map[string][]release.Check{
		"release check: passed (2 checks)\n":                           {pass, pass},
		"release check: incomplete (2 of 3 not measured)\n":            {pass, none, none},
		"release check: failed (1 of 2 failed)\n":                      {pass, fail},
		"release check: failed (1 of 3 failed, 2 of 3 not measured)\n": {none, fail, none},
	} {
		text := releaseText(t, Release, release.NewPage(harness.Claims{}, "m", noon, checks))
		assert.True(t, strings.HasPrefix(text, want), "%q begins %.80q", want, text)
	}
}
