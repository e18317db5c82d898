package reports

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sort"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/derive"
)

//go:embed assets/*.css assets/*.js assets/*.tmpl assets/echarts/echarts.common.min.js
var assets embed.FS

// frame is what every page has: its head and foot, with style and scripts inside. The policy forbids every request and
// every script but these two, so that not even a story of the model's could make the page load something.
type frame struct {
	Title  string
	Policy string
	Style  template.CSS
	Engine template.JS // that draws charts; empty: the page has none
	Script template.JS
	Footer string
}

func newFrame(title, footer string, charts bool) (frame, error) {
	f := frame{Title: title, Footer: footer}
	style, err := assets.ReadFile("assets/page.css")
	if err != nil {
		return f, err
	}
	script, err := assets.ReadFile("assets/page.js")
	if err != nil {
		return f, err
	}
	f.Style, f.Script = template.CSS(style), template.JS(script)
	scripts := sourceHash(script)
	if charts {
		engine, err := assets.ReadFile("assets/echarts/echarts.common.min.js")
		if err != nil {
			return f, err
		}
		f.Engine, scripts = template.JS(engine), sourceHash(engine)+" "+scripts
	}
	// Inline styles stay allowed: echarts places its tooltips with them.
	f.Policy = fmt.Sprintf(
		"default-src 'none'; script-src %s; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'", scripts,
	)
	return f, nil
}

// sourceHash names a script in a content security policy by its digest.
func sourceHash(script []byte) string {
	sum := sha256.Sum256(script)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func page(w io.Writer, name string, data any) error {
	parsed, err := template.ParseFS(assets, "assets/frame.html.tmpl", "assets/"+name)
	if err != nil {
		return err
	}
	return parsed.ExecuteTemplate(w, name, data)
}

// runPage is what run.html.tmpl shows.
type runPage struct {
	Frame       frame
	Heading     string
	When        string
	Synthetic   bool
	Many        bool // more than one case: each has a heading of its own
	Run         harness.Run
	Cases       []casePage
	CrossChecks []crossCheckPage
	Notices     []noticeRow
}

type casePage struct {
	Title, Mark, ShortMark, Thermal, Few string
	Measured                             int
	Planned, SessionCount                string
	Tiles                                []tile
	Charts                               []chart
	Figures                              []figureRow
	Meanings                             []meaning
	Sessions                             []sessionRow
	Texts                                []textRow
	MoreTexts                            string
	Facts                                []fact
}

type tile struct{ Name, Value, Unit, More string }

type figureRow struct{ Label, Value, Unit, Range, Interval, Count, Remark, Absent string }

type sessionRow struct {
	ID, Began, Outcome, Reason, Thermal, Battery, Build, Evidence string
	OK                                                            bool
	Measured, Planned, Tokens                                     int
}

type textRow struct {
	Name, About, Text string
	Open              bool
}

type fact struct {
	Name, Value string
	Mono        bool
}

type noticeRow struct{ Time, Session, What, Text string }

// HTML writes the run's page: one file that needs no other.
func (r Report) HTML(w io.Writer) error {
	run := r.Recorded.Run
	data := runPage{Heading: r.heading(), When: r.when(), Synthetic: run.Synthetic, Many: len(r.Cases) > 1, Run: run}
	var err error
	if data.Frame, err = newFrame(data.Heading+", "+run.Start.UTC().Format("2006-01-02 15:04"), "Run "+run.ID+".", true); err != nil {
		return err
	}
	for i, c := range r.Cases {
		shown, err := c.page(fmt.Sprintf("case%d-", i))
		if err != nil {
			return err
		}
		shown.Facts = append(shown.Facts, fact{"harness", run.Revision, true})
		data.Cases = append(data.Cases, shown)
	}
	data.CrossChecks = r.crossCheckPages()
	for _, n := range r.Recorded.Notices {
		data.Notices = append(data.Notices, noticeRow{n.Notice.At.UTC().Format("15:04:05"), n.Session, n.Notice.What, n.Notice.Text})
	}
	return page(w, "run.html.tmpl", data)
}

// heading names the run by what was measured: the one case, or how many.
func (r Report) heading() string {
	switch len(r.Cases) {
	case 0:
		return "Run " + r.Recorded.Run.ID
	case 1:
		return r.Cases[0].title()
	}
	return harness.Count(len(r.Cases), "case") + " in one run"
}

func (c Case) page(prefix string) (casePage, error) {
	out := casePage{
		Title: c.title(), Mark: mark(c.Case.Device.Kind), ShortMark: shortMark(c.Case.Device.Kind),
		Thermal: c.thermal(), Measured: c.Measured, Planned: harness.Count(c.Planned, "iteration"),
		SessionCount: harness.Count(len(c.Sessions), "session"),
		Few:          c.few(), Tiles: c.tiles(), Texts: c.texts(), Facts: c.facts(), Meanings: c.meaningsOf(),
	}
	for _, f := range c.Figures {
		out.Figures = append(out.Figures, figureRow{f.Label, f.value(), f.unit(), f.spread(), f.interval(), f.count(), f.remark(), f.Absent})
	}
	for _, s := range c.Sessions {
		out.Sessions = append(out.Sessions, sessionRowOf(s))
	}
	if n := c.iterations(); len(out.Texts) == mostTexts && n > mostTexts {
		out.MoreTexts = harness.Count(n, "iteration")
	}
	var err error
	out.Charts, err = c.charts(prefix)
	return out, err
}

// tiles are the figures that people ask for first.
func (c Case) tiles() []tile {
	var out []tile
	for _, metric := range []string{
		harness.DecodeTokS, harness.TTFT, harness.ITLP95, harness.PeakFootprint, harness.EnergyPerToken, harness.LoadCold,
	} {
		f, ok := c.figureOf(metric)
		if first, has := c.figureOf(harness.LoadFirstEver); metric == harness.LoadCold && f.Absent != "" && has && first.Absent == "" {
			f = first // a load of either kind is better than a tile without one
		}
		if !ok {
			continue
		}
		// A tile has room for the number alone; its doubt stands below.
		value, doubt, _ := strings.Cut(f.value(), " ± ")
		t := tile{Name: f.Label, Value: value, Unit: f.unit()}
		switch {
		case f.Absent != "":
			t.More = f.Absent
		case doubt != "":
			t.More = fmt.Sprintf("± %s, n %d", doubt, f.Readings)
		case f.spread() != "":
			t.More = fmt.Sprintf("%s, n %d", f.spread(), f.Readings)
		default:
			t.More = fmt.Sprintf("n %d", f.Readings)
		}
		out = append(out, t)
	}
	return out
}

func sessionRowOf(s harness.RecordedSession) sessionRow {
	row := sessionRow{ID: s.Begin.ID, Began: s.Begin.At.UTC().Format("15:04:05"), Outcome: string(cutOff), Build: s.Begin.Build.Revision,
		Planned: s.Begin.Case.Scenario.Iterations, Battery: batteryState(s.Begin.State)}
	for _, it := range s.Iterations {
		row.Tokens += len(it.TokenIDs)
		if !it.Warmup && it.Outcome == harness.OutcomeOK {
			row.Measured++
		}
	}
	if e := s.End; e != nil {
		row.Outcome, row.Reason, row.OK, row.Evidence = string(e.Outcome), e.Reason, e.Outcome == harness.OutcomeOK, e.Evidence
		row.Measured, row.Planned, row.Tokens = e.Measured, e.Planned, e.Tokens
		row.Thermal = (Case{ThermalStart: e.ThermalStart, ThermalWorst: e.ThermalWorst}).thermal()
	}
	return row
}

// batteryState says what is known of the battery before a session.
func batteryState(s *harness.DeviceState) string {
	if s == nil {
		return ""
	}
	var parts []string
	if s.BatteryPercent != nil {
		parts = append(parts, harness.Significant(*s.BatteryPercent, 3)+" %")
	}
	if s.BatteryCelsius != nil {
		parts = append(parts, harness.Significant(*s.BatteryCelsius, 3)+" °C")
	}
	if s.Charging != nil && *s.Charging {
		parts = append(parts, "charging")
	}
	return strings.Join(parts, ", ")
}

// iterations counts all that were begun, whatever became of them.
func (c Case) iterations() int {
	n := 0
	for _, s := range c.Sessions {
		n += len(s.Iterations)
	}
	return n
}

// mostTexts bounds the texts on a page: a soak has hundreds, and the database has them all.
const mostTexts = 40

// texts lists what each iteration said, the first counted one open.
func (c Case) texts() []textRow {
	var out []textRow
	opened := false
	for _, s := range c.Sessions {
		for _, it := range s.Iterations {
			if it.Text == "" {
				continue
			}
			if len(out) == mostTexts {
				return out
			}
			row := textRow{Name: fmt.Sprintf("%s #%d", s.Begin.ID, it.Index), Text: strings.TrimSpace(it.Text)}
			row.About = harness.Count(len(it.TokenIDs), "token")
			if rate, ok := derive.DecodeRate(it.TokenNs); ok {
				row.About += ", " + harness.Significant(rate, 4) + " tok/s"
			}
			if it.Warmup {
				row.About += ", warm-up"
			}
			if it.Outcome != harness.OutcomeOK {
				row.About += ", " + strings.TrimSuffix(string(it.Outcome)+": "+it.Reason, ": ")
			}
			row.Open = !opened && !it.Warmup && it.Outcome == harness.OutcomeOK
			opened = opened || row.Open
			out = append(out, row)
		}
	}
	return out
}

// facts is where the numbers come from: all that must agree before another run may be compared with this one.
func (c Case) facts() []fact {
	d, m, b, s, p := c.Case.Device, c.Case.Model, c.Build, c.Case.Scenario, c.Fingerprint
	all := []fact{
		{"device", strings.TrimSpace(d.Name + " (" + string(d.Kind) + ")"), false},
		{"product type", strings.TrimSpace(d.ProductType + " " + d.Chip), false},
		{"UDID", p.UDID, true},
		{"OS", strings.TrimSpace(d.OSVersion + " " + p.OSBuild), false},
		{"connection", d.Connection, false},
		{"power mode", p.PowerMode, false},
		{"model", modelTitle(m), false},
		{"model hash", p.ModelHash, true},
		{"build", strings.TrimSpace(b.BundleID + " " + b.Version + " " + b.Configuration), false},
		{"build revision", b.Revision, true},
		{"build hash", b.Hash, true},
		{"scenario", s.Name, false},
		{"scenario hash", p.ScenarioHash, true},
		{"asked for", c.asked(), false},
		{"compute units", string(s.ComputeUnits), false},
		{"protocol", p.Protocol, true},
	}
	var out []fact
	for _, f := range all {
		if f.Value == "" {
			f.Value, f.Mono = "not known", false
		}
		out = append(out, f)
	}
	return out
}

// asked says what the scenario asks for.
func (c Case) asked() string {
	s := c.Case.Scenario
	prompt := "its own prompt"
	if s.PromptTokens > 0 {
		prompt = harness.Count(s.PromptTokens, "prompt token")
	}
	text := fmt.Sprintf(
		"%s, %s, %s and %s per session", prompt, harness.Count(s.GenerateTokens, "generated token"), harness.Count(s.Warmups, "warm-up"),
		harness.Count(s.Iterations, "iteration"),
	)
	if s.MinimumWork > 0 {
		text += fmt.Sprintf(", and more of them until they have lasted %s", span(s.MinimumWork))
	}
	if s.Duration > 0 {
		text = fmt.Sprintf("%s, generation for %s", prompt, span(s.Duration))
	}
	return text
}

// outcome sums up a run's sessions in one word.
func (r Report) outcome() (word string, ok bool) {
	counts := map[string]int{}
	for _, c := range r.Cases {
		for _, e := range c.Ends {
			counts[string(e.Outcome)]++
		}
	}
	if len(counts) == 0 && len(r.Cases) > 0 {
		return string(harness.OutcomeOK), true
	}
	var parts []string
	for outcome, n := range counts {
		parts = append(parts, fmt.Sprintf("%d %s", n, outcome))
	}
	sort.Strings(parts)
	if len(parts) == 0 {
		return "nothing begun", false
	}
	return strings.Join(parts, ", "), false
}
