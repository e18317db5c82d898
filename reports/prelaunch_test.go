package reports

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/prelaunch"
)

// hostile is a name that would take a page over, or a terminal.
const hostile = "<script>alert(1)</script>\x1b[2J"

// launchPage has a gate of every status, and numbers of the kind that is given.
func launchPage(kind harness.DeviceKind) prelaunch.Page {
	speed, _ := harness.MetricNamed(harness.DecodeTokS)
	at := noon
	found := prelaunch.Evidence{What: "median of the sessions' medians", Value: 90, Unit: "tok/s", Run: "r1", Device: hostile, Kind: kind, Build: "abc", Sessions: 2, At: &at}
	return prelaunch.NewPage(harness.Claims{Name: hostile}, "m1", noon, []prelaunch.Gate{
		prelaunch.Memory(harness.DeviceProfile{Name: "p", Marketing: "iPhone 12 Pro", MemoryBytes: 6 << 30, LimitBytes: 3 << 30}, 8192,
			&prelaunch.Shape{WeightBytes: 1 << 30, Layers: 16, KVHeads: 8, HeadDim: 64, Context: 512}, "", nil),
		prelaunch.Measured(prelaunch.GateClaim, "iPhone 15, m1, quick", speed, 100, []prelaunch.Evidence{found}, ""),
		prelaunch.Measured(prelaunch.GateSoak, "iPhone 15, m1, soak", speed, 100, nil, "no run of "+hostile),
		prelaunch.Size(&prelaunch.App{InstalledBytes: 150e6, ArchiveBytes: 60e6}, 40e6, 200e6, ""),
	})
}

func launchText(t *testing.T, write func(io.Writer, prelaunch.Page) error, p prelaunch.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func wantAll(t *testing.T, text string, wanted ...string) {
	t.Helper()
	flat := strings.Join(strings.Fields(text), " ") // widths of columns are not what is asked
	for _, want := range wanted {
		if !strings.Contains(flat, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestPrelaunchText(t *testing.T) {
	text := launchText(t, PrelaunchText, launchPage(harness.KindSimulated))
	wantAll(t, text, "before launch: FAIL claims", "4 gates: 2 pass, 1 fail, 1 not measured", "SYNTHETIC: simulated device.",
		"memory needed at most 3.000 GiB 1.250 GiB PASS", "decode at least 100.0 tok/s 90.00 tok/s FAIL", "size at most 200.0 MB 190.0 MB PASS",
		"— NOT MEASURED", "SIMULATED", "2 sessions, run r1, build abc, 2026-11-23 12:00:00 UTC", "reckoned", "no run of <script>", "converted with a cache of 512 tokens")
	if strings.Contains(text, "\x1b") {
		t.Error("a control character reaches the terminal")
	}
	if phone := launchText(t, PrelaunchText, launchPage(harness.KindIPhone)); strings.Contains(phone, "SYNTHETIC") || strings.Contains(phone, "SIMULATED") {
		t.Errorf("a phone's figures are marked:\n%s", phone)
	}
}

func TestPrelaunchHTML(t *testing.T) {
	html := launchText(t, PrelaunchHTML, launchPage(harness.KindVirtual))
	wantAll(t, html, `<h1>Before launch: <span class="badge bad">fail</span> <span class="badge mark">virtual</span></h1>`, "SYNTHETIC: virtual iPhone.",
		"&lt;script&gt;alert(1)&lt;/script&gt;", `<span class="badge good">pass</span>`, `<span class="badge">not measured</span>`, "default-src &#39;none&#39;")
	if strings.Contains(html, "<script>alert") {
		t.Error("a name has become a script")
	}
	if engine, _ := assets.ReadFile("assets/echarts/echarts.common.min.js"); strings.Contains(html, string(engine)) || len(html) > 64<<10 {
		t.Errorf("the page has %d bytes, with an engine for charts that it has not", len(html))
	}
	if phone := launchText(t, PrelaunchHTML, launchPage(harness.KindIPhone)); strings.Contains(phone, "SYNTHETIC") || strings.Contains(phone, `badge mark`) {
		t.Error("a phone's figures are marked")
	}
}

func TestPrelaunchJSON(t *testing.T) {
	var got struct {
		Schema    int
		Status    string
		Synthetic []string
		Gates     []map[string]any
	}
	if err := json.Unmarshal([]byte(launchText(t, PrelaunchJSON, launchPage(harness.KindVirtual))), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != 1 || got.Status != "fail" || len(got.Synthetic) != 1 || got.Synthetic[0] != "virtual" || len(got.Gates) != 4 {
		t.Errorf("read back: %+v", got)
	}
	if _, present := got.Gates[2]["value"]; present {
		t.Error("what was not measured has a value")
	}
}
