package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/release"
)

// checkRow is a check for people: the claim, what was found, and what it is based on.
type checkRow struct {
	Name, About, Label, Bound, Found, Status, Class, Reason string
	Open                                                    bool // people want to see why
	Evidence                                                []evidenceRow
	Remarks                                                 []string
}

type evidenceRow struct{ What, Value, From, Kind string }

func checkRows(p release.Page) []checkRow {
	var out []checkRow
	for _, c := range p.Checks {
		row := checkRow{Name: c.Name, About: c.About, Label: checkLabel(c), Status: string(c.Status), Class: statusClass(c.Status),
			Reason: c.Reason, Open: c.Status != release.Pass, Remarks: c.Remarks, Bound: "not known"}
		if c.Bound != nil {
			row.Bound = map[bool]string{true: "at least ", false: "at most "}[c.AtLeast] + checkNumber(c, *c.Bound)
		}
		if c.Value != nil {
			row.Found = checkNumber(c, *c.Value)
		}
		for _, e := range c.Evidence {
			row.Evidence = append(row.Evidence, evidenceRow{e.What, checkNumber(c, e.Value), evidenceFrom(e), shortEvidence(e)})
		}
		out = append(out, row)
	}
	return out
}

// checkNumber prints a claim or what was found. Stores count an app's size in units of ten.
func checkNumber(c release.Check, value float64) string {
	if c.Name == release.CheckSize {
		return harness.Scale{Unit: "MB", Factor: 1e-6}.With(value)
	}
	return harness.Quantity(c.Unit, value)
}

func checkLabel(c release.Check) string {
	switch c.Name {
	case release.CheckMemory:
		return "memory needed"
	case release.CheckSize:
		return "size"
	}
	return label(c.Metric)
}

func statusClass(s release.Status) string {
	return map[release.Status]string{release.Pass: "good", release.Fail: "bad"}[s]
}

func shortEvidence(e release.Evidence) string {
	if e.Synthetic() {
		return shortMark(e.Kind)
	}
	return ""
}

// evidenceFrom says where a number is from.
func evidenceFrom(e release.Evidence) string {
	var parts []string
	if e.Calculated {
		parts = append(parts, "calculated")
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

// outcomes are the words for a whole page.
var outcomes = map[release.Status]string{release.Pass: "passed", release.Fail: "failed", release.NotMeasured: "incomplete"}

// checkCount says how many checks are other than they should be.
func checkCount(p release.Page) string {
	var parts []string
	if n := p.Count(release.Fail); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d failed", n, len(p.Checks)))
	}
	if n := p.Count(release.NotMeasured); n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d not measured", n, len(p.Checks)))
	}
	if len(parts) == 0 {
		return harness.Count(len(p.Checks), "check")
	}
	return strings.Join(parts, ", ")
}

// Release writes the page for a terminal.
func Release(w io.Writer, p release.Page) error {
	var b strings.Builder
	fmt.Fprintf(&b, " (%s)\nclaims %s, model %s, %s\n", checkCount(p), p.Claims, p.Model, moment(p.At))
	for _, kind := range p.Synthetic() {
		fmt.Fprintf(&b, "%s\n", mark(kind))
	}
	rows := [][]string{{"check", "of what", "figure", "claimed", "found", "result"}}
	all := checkRows(p)
	for _, c := range all {
		found := c.Found
		if found == "" {
			found = "—"
		}
		rows = append(rows, []string{c.Name, c.About, c.Label, c.Bound, found, strings.ToUpper(c.Status)})
	}
	b.WriteString("\n")
	writeTable(&b, rows, []bool{false, false, false, true, true, false})
	for _, c := range all {
		c.text(&b)
	}
	_, err := fmt.Fprintf(w, "release check: %s%s", paintFor(w).status(p.Status, outcomes[p.Status]), harness.Printable(b.String()))
	return err
}

// text writes what a check is based on.
func (c checkRow) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s, %s, %s: %s\n", c.Name, c.About, c.Label, c.Status)
	if c.Reason != "" {
		fmt.Fprintf(b, "  %s\n", c.Reason)
	}
	var rows [][]string
	for _, e := range c.Evidence {
		kind := e.Kind
		if kind != "" {
			kind = strings.ToUpper(kind)
		}
		rows = append(rows, []string{e.What, e.Value, kind, e.From})
	}
	if len(rows) > 0 {
		writeTable(b, append([][]string{{"based on", "", "", ""}}, rows...), []bool{false, true, false, false})
	}
	for _, remark := range c.Remarks {
		fmt.Fprintf(b, "  %s\n", remark)
	}
}

// releaseSchema is the version of the page's JSON (docs/json.md).
const releaseSchema = 1

// ReleaseJSON writes the page for programs, with the kinds of devices, iPhones aside, that its numbers are from.
func ReleaseJSON(w io.Writer, p release.Page) error {
	return Indented(w, struct {
		Schema    int                  `json:"schema"`
		Synthetic []harness.DeviceKind `json:"synthetic"`
		release.Page
	}{releaseSchema, append([]harness.DeviceKind{}, p.Synthetic()...), p})
}

// releasePage is what release.html.tmpl shows.
type releasePage struct {
	Frame                                     frame
	Status, Class, Claims, Model, When, Count string
	Kinds, Marks                              []string
	Checks                                    []checkRow
}

// ReleaseHTML writes the page: one file that needs no other.
func ReleaseHTML(w io.Writer, p release.Page) error {
	data := releasePage{Status: outcomes[p.Status], Class: statusClass(p.Status), Claims: p.Claims, Model: p.Model, When: moment(p.At),
		Count: checkCount(p), Checks: checkRows(p)}
	for _, kind := range p.Synthetic() {
		data.Kinds, data.Marks = append(data.Kinds, shortMark(kind)), append(data.Marks, mark(kind))
	}
	var err error
	if data.Frame, err = newFrame("Release check: "+outcomes[p.Status]+", "+p.Model, "Claims "+p.Claims+".", false); err != nil {
		return err
	}
	return page(w, "release.html.tmpl", data)
}
