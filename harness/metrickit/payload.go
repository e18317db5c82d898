package metrickit

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"time"
)

// MaxBytes is the largest payload that is parsed. A real crash payload is some hundred kB and a batch some MB; what is
// larger is kept raw by the caller and not read.
const MaxBytes = 64 << 20

// ErrTooLarge says that a payload is larger than MaxBytes.
var ErrTooLarge = errors.New("larger than 64 MiB")

// Parse reads one payload of any version.
func Parse(raw []byte) (Payload, error) {
	if len(raw) > MaxBytes {
		return Payload{}, ErrTooLarge
	}
	raw = bytes.TrimPrefix(raw, byteOrderMark)
	r := readers.Get().(*reader)
	defer r.release()
	top, cut, err := r.readShallow(raw)
	if err != nil {
		return Payload{}, err
	}
	p := &parser{raw: raw, cut: cut}
	p.Records = make([]Record, 0, min(32, 2+len(raw)/200)) // a day's payload has a record every 200 bytes
	p.Window = readWindow(top)
	p.Environment = p.readEnvironment(top)
	p.Format = format(top)
	p.Convention = inferTree(top, p.Region)
	switch p.Format {
	case "report":
		p.report(top)
	case "diagnostic_report":
		p.diagnosticReport(top)
	case "bare_diagnostic":
		p.Format = "diagnostic"
		p.diagnostic("diagnostic", top.get("diagnosticMetaData"), top)
	case "":
		return Payload{}, errors.New("none of MetricKit's payloads: no metrics, no diagnostics, no report entries")
	default:
		p.groups(top)
	}
	p.unreadEnvironment(top)
	for i := range p.Records {
		p.Records[i].Window, p.Records[i].Environment = p.Window, p.mergedEnvironment(p.Records[i].Environment)
	}
	return p.Payload, nil
}

// byteOrderMark may stand before a text that an editor has saved.
var byteOrderMark = []byte("\xef\xbb\xbf")

// readShallow reads a payload; one that nests deeper than the reader can is read without its innermost parts.
func (r *reader) readShallow(raw []byte) (*node, cuts, error) {
	top, err := r.readTree(raw)
	if err == nil {
		return top, nil, nil
	}
	text, cut := shallow(raw)
	if cut == nil {
		return nil, nil, err
	}
	top, err = r.readTree(text)
	return top, cut, err
}

type parser struct {
	Payload
	raw []byte
	cut cuts // what was taken out of the tree because it nests too deep; raw has it

	floats []float64 // values that records point to are taken from slabs, since a payload has hundreds
}

// float returns a pointer to a copy of value.
func (p *parser) float(value float64) *float64 {
	const slab = 64
	if len(p.floats) == cap(p.floats) {
		p.floats = make([]float64, 0, slab)
	}
	p.floats = append(p.floats, value)
	return &p.floats[len(p.floats)-1]
}

// mergedEnvironment lets a diagnostic's own meta data stand where it has any.
func (p *parser) mergedEnvironment(own Environment) Environment {
	if own.OS != "" || own.Device != "" || own.AppBuild != "" || own.BundleID != "" {
		if own.App == "" {
			own.App = p.App
		}
		return own
	}
	return p.Environment
}

// format names the payload's shape by its keys.
func format(top *node) string {
	switch {
	case top.get("intervalEntries", "stateEntries") != nil:
		return "report"
	case top.get("timeRange") != nil && isDiagnosticReport(top):
		return "diagnostic_report"
	case top.get("timeRange") != nil:
		return "report" // in the other of its two formats, grouped by the app's states
	case top.get("callStackTree", "callStacks", "callStackThreads") != nil:
		return "bare_diagnostic" // one diagnostic by itself, or its call stacks alone
	}
	diagnostics, metrics, times := false, false, false
	for _, f := range top.fields {
		diagnostics = diagnostics || strings.HasSuffix(f.name, "Diagnostics")
		metrics = metrics || strings.HasSuffix(f.name, "Metrics")
		times = times || strings.HasPrefix(f.name, "timeStamp")
	}
	switch {
	case metrics:
		return "metric"
	case diagnostics:
		return "diagnostic"
	case times || top.get("metaData") != nil:
		return "metric" // a payload all of whose counters were zero
	}
	return ""
}

// isDiagnosticReport tells a report of iOS 27 on one event from one on a day's metrics.
func isDiagnosticReport(top *node) bool {
	if top.get("result", "callStackTree") != nil {
		return true
	}
	for _, f := range top.fields {
		if _, body := unwrapped(f); isDiagnosticBody(f.name, body) {
			return true
		}
	}
	return false
}

// inferTree finds the convention of a payload from the first of its texts that decides it, then from its region.
func inferTree(top *node, region string) Convention {
	if decimal, ok := decide(top, 0); ok {
		return Convention{decimal, true}
	}
	return Infer(nil, region)
}

// decide looks for evidence below n. Call stacks have none, and are deep.
func decide(n *node, depth int) (decimal rune, ok bool) {
	const mostDepth, longest = 12, 64
	switch {
	case depth > mostDepth:
	case n.isString():
		if n.separated && len(n.text) < longest {
			if number := digits(n.text); number != "" {
				return evidence(number)
			}
		}
	default:
		for _, f := range n.fields {
			if skipTexts(f.name) {
				continue
			}
			if decimal, ok := decide(f.value, depth+1); ok {
				return decimal, true
			}
		}
	}
	return 0, false
}

// skipTexts names fields whose strings look like numbers and are none.
func skipTexts(key string) bool {
	switch key {
	case "callStackTree", "version", "appVersion", "appBuildVersion", "osVersion", "timeStampBegin", "timeStampEnd",
		"virtualMemoryRegionInfo", "terminationReason", "deviceType", "bundleIdentifier":
		return true
	}
	return false
}

// readWindow reads the two spellings of a payload's time.
func readWindow(top *node) Window {
	if r := top.get("timeRange"); r.isObject() {
		begin, okBegin := referenceDate(r.get("begin", "start", "lowerBound"))
		end, okEnd := referenceDate(r.get("end", "upperBound"))
		return Window{Begin: begin, End: end, ZoneStated: okBegin && okEnd}
	}
	begin, zoneBegin := timeStamp(top.get("timeStampBegin"))
	end, zoneEnd := timeStamp(top.get("timeStampEnd"))
	return Window{Begin: begin, End: end, ZoneStated: zoneBegin && zoneEnd}
}

// timeStamp reads "2020-10-24 22:59:00 +0000", the same without a zone, and RFC 3339.
func timeStamp(n *node) (text string, zone bool) {
	if !n.isString() {
		return "", false
	}
	s := n.text
	for _, layout := range []string{"2006-01-02 15:04:05 -0700", time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format(time.RFC3339), true
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.RFC3339), false
		}
	}
	return "", false
}

// referenceDate reads JSONEncoder's default for a date, seconds since 2001-01-01 UTC, and RFC 3339.
func referenceDate(n *node) (text string, ok bool) {
	const farthest = 1e11 // seconds; beyond it is not a date of a phone
	switch {
	case n.isString():
		return timeStamp(n)
	case n.isNumber() && math.Abs(n.number) < farthest:
		whole, part := math.Modf(n.number)
		epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		return epoch.Add(time.Duration(whole)*time.Second + time.Duration(part*1e9)).Format(time.RFC3339), true
	}
	return "", false
}
