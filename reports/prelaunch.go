package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/prelaunch"
)

// gateRow is a gate for people: the promise, what was found, and what it rests on.
type gateRow struct {
	Name, About, Label, Bound, Found, Status, Class, Reason string
	Open                                                    bool // people want to see why
	Evidence                                                []evidenceRow
	Remarks                                                 []string
}

type evidenceRow struct{ What, Value, From, Kind string }

func gateRows(p prelaunch.Page) []gateRow {
	var out []gateRow
	for _, g := range p.Gates {
		row := gateRow{Name: g.Name, About: g.About, Label: gateLabel(g), Status: string(g.Status), Class: statusClass(g.Status), Reason: g.Reason,
			Open: g.Status != prelaunch.Pass, Remarks: g.Remarks, Bound: "not known"}
		if g.Bound != nil {
			row.Bound = map[bool]string{true: "at least ", false: "at most "}[g.AtLeast] + gateNumber(g, *g.Bound)
		}
		if g.Value != nil {
			row.Found = gateNumber(g, *g.Value)
		}
		for _, e := range g.Evidence {
			row.Evidence = append(row.Evidence, evidenceRow{e.What, gateNumber(g, e.Value), evidenceFrom(e), shortEvidence(e)})
		}
		out = append(out, row)
	}
	return out
}

// gateNumber prints a promise or what was found. Stores count an app's size in units of ten.
func gateNumber(g prelaunch.Gate, value float64) string {
	if g.Name == prelaunch.GateSize {
		return harness.Scale{Unit: "MB", Factor: 1e-6}.With(value)
	}
	return harness.Quantity(g.Unit, value)
}

func gateLabel(g prelaunch.Gate) string {
	switch g.Name {
	case prelaunch.GateMemory:
		return "memory needed"
	case prelaunch.GateSize:
		return "size"
	}
	return label(g.Metric)
}

func statusClass(s prelaunch.Status) string {
	return map[prelaunch.Status]string{prelaunch.Pass: "good", prelaunch.Fail: "bad"}[s]
}

func shortEvidence(e prelaunch.Evidence) string {
	if e.Synthetic() {
		return shortMark(e.Kind)
	}
	return ""
}

// evidenceFrom says where a number is from.
func evidenceFrom(e prelaunch.Evidence) string {
	var parts []string
	if e.Reckoned {
		parts = append(parts, "reckoned")
	}
	if e.Device != "" {
		parts = append(parts, e.Device)
	}
	if e.Sessions > 0 {
		parts = append(parts, harness.Count(e.Sessions, "session"))
	}
	if e.Run != "" {
		parts = append(parts, "run "+e.Run)
	}
	if e.Build != "" {
		parts = append(parts, "build "+e.Build)
	}
	if e.At != nil {
		parts = append(parts, moment(*e.At))
	}
	return strings.Join(parts, ", ")
}

// gateCount says how many gates there are of each kind.
func gateCount(p prelaunch.Page) string {
	of := map[prelaunch.Status]int{}
	for _, g := range p.Gates {
		of[g.Status]++
	}
	return fmt.Sprintf("%s: %d pass, %d fail, %d not measured", harness.Count(len(p.Gates), "gate"), of[prelaunch.Pass], of[prelaunch.Fail], of[prelaunch.NotMeasured])
}

// PrelaunchText writes the page for a terminal.
func PrelaunchText(w io.Writer, p prelaunch.Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, "before launch: %s\nclaims %s, model %s, %s; %s\n", strings.ToUpper(string(p.Status)), p.Claims, p.Model, moment(p.At), gateCount(p))
	for _, kind := range p.Synthetic() {
		fmt.Fprintf(&b, "%s\n", mark(kind))
	}
	rows := [][]string{{"gate", "of what", "figure", "promised", "found", "verdict"}}
	all := gateRows(p)
	for _, g := range all {
		found := g.Found
		if found == "" {
			found = "—"
		}
		rows = append(rows, []string{g.Name, g.About, g.Label, g.Bound, found, strings.ToUpper(g.Status)})
	}
	b.WriteString("\n")
	writeTable(&b, rows, []bool{false, false, false, true, true, false})
	for _, g := range all {
		g.text(&b)
	}
	_, err := io.WriteString(w, harness.Printable(b.String()))
	return err
}

// text writes what a gate rests on.
func (g gateRow) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s, %s, %s: %s\n", g.Name, g.About, g.Label, g.Status)
	if g.Reason != "" {
		fmt.Fprintf(b, "  %s\n", g.Reason)
	}
	var rows [][]string
	for _, e := range g.Evidence {
		kind := e.Kind
		if kind != "" {
			kind = strings.ToUpper(kind)
		}
		rows = append(rows, []string{e.What, e.Value, kind, e.From})
	}
	if len(rows) > 0 {
		writeTable(b, append([][]string{{"rests on", "", "", ""}}, rows...), []bool{false, true, false, false})
	}
	for _, remark := range g.Remarks {
		fmt.Fprintf(b, "  %s\n", remark)
	}
}

// PrelaunchJSON writes the page for programs, with the kinds of devices, iPhones aside, that its numbers are from.
func PrelaunchJSON(w io.Writer, p prelaunch.Page) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Schema    int                  `json:"schema"`
		Synthetic []harness.DeviceKind `json:"synthetic"`
		prelaunch.Page
	}{1, append([]harness.DeviceKind{}, p.Synthetic()...), p})
}

// prelaunchPage is what prelaunch.html.tmpl shows.
type prelaunchPage struct {
	Frame                                     frame
	Status, Class, Claims, Model, When, Count string
	Kinds, Marks                              []string
	Gates                                     []gateRow
}

// PrelaunchHTML writes the page: one file that needs no other.
func PrelaunchHTML(w io.Writer, p prelaunch.Page) error {
	data := prelaunchPage{Status: string(p.Status), Class: statusClass(p.Status), Claims: p.Claims, Model: p.Model, When: moment(p.At), Count: gateCount(p), Gates: gateRows(p)}
	for _, kind := range p.Synthetic() {
		data.Kinds, data.Marks = append(data.Kinds, shortMark(kind)), append(data.Marks, mark(kind))
	}
	var err error
	if data.Frame, err = newFrame("Before launch: "+string(p.Status)+", "+p.Model, "Claims "+p.Claims+".", false); err != nil {
		return err
	}
	return page(w, "prelaunch.html.tmpl", data)
}
