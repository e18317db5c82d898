package metrickit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// MaxBytes is the largest payload that is parsed. A real crash payload is some hundred kB and a batch some MB; what is
// larger is kept raw by the caller and not read.
const MaxBytes = 64 << 20

// ErrTooLarge says that a payload is larger than MaxBytes.
var ErrTooLarge = errors.New("larger than 64 MiB: kept, not read")

// object is a JSON object as encoding/json reads it.
type object = map[string]any

// Parse reads one payload of any version.
func Parse(raw []byte) (Payload, error) {
	if len(raw) > MaxBytes {
		return Payload{}, ErrTooLarge
	}
	var top object
	if err := json.Unmarshal(raw, &top); err != nil {
		return Payload{}, located(err)
	}
	if top == nil {
		return Payload{}, errors.New("null is no payload")
	}
	p := &parser{top: top}
	p.Window = readWindow(top)
	p.Environment = readEnvironment(top)
	p.Format = format(top)
	var texts []string
	collectTexts(top, 0, &texts)
	p.Convention = Infer(texts, p.Region)
	switch p.Format {
	case "report", "diagnostic_report":
		p.report(top)
	case "":
		return Payload{}, errors.New("none of MetricKit's payloads: no metrics, no diagnostics, no report entries")
	default:
		p.groups(top)
	}
	for i := range p.Records {
		p.Records[i].Window, p.Records[i].Environment = p.Window, p.mergedEnvironment(p.Records[i].Environment)
	}
	return p.Payload, nil
}

type parser struct {
	Payload
	top object
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

// located adds the place to a JSON error.
func located(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("no JSON at byte %d: %w", syntax.Offset, err)
	case errors.As(err, &kind):
		return fmt.Errorf("a payload is a JSON object, this is a %s", kind.Value)
	}
	return err
}

// format names the payload's shape by its keys.
func format(top object) string {
	_, interval := top["intervalEntries"]
	_, state := top["stateEntries"]
	_, timeRange := top["timeRange"]
	switch {
	case interval || state:
		return "report"
	case timeRange && (top["result"] != nil || top["callStackTree"] != nil || top["environment"] != nil):
		return "diagnostic_report"
	}
	diagnostics, metrics, times := false, false, false
	for key := range top {
		diagnostics = diagnostics || strings.HasSuffix(key, "Diagnostics")
		metrics = metrics || strings.HasSuffix(key, "Metrics")
		times = times || strings.HasPrefix(key, "timeStamp")
	}
	switch {
	case metrics:
		return "metric"
	case diagnostics:
		return "diagnostic"
	case times || top["metaData"] != nil:
		return "metric" // a payload all of whose counters were zero
	}
	return ""
}

// collectTexts gathers the strings that may be quantities, to infer the convention from. Call stacks have none.
func collectTexts(v any, depth int, out *[]string) {
	const deepest = 12
	if depth > deepest {
		return
	}
	switch v := v.(type) {
	case string:
		if len(v) < 64 && strings.ContainsAny(v, ".,٫") && v[0] < 0x80 && v[0] >= '0' && v[0] <= '9' || strings.ContainsRune(v, '٫') {
			*out = append(*out, v)
		}
	case object:
		for _, key := range slices.Sorted(keys(v)) {
			if skipTexts(key) {
				continue
			}
			collectTexts(v[key], depth+1, out)
		}
	case []any:
		for _, e := range v {
			collectTexts(e, depth+1, out)
		}
	}
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

func keys(m object) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// readWindow reads the two spellings of a payload's time.
func readWindow(top object) Window {
	if r, ok := top["timeRange"].(object); ok {
		begin, okBegin := referenceDate(firstOf(r, "begin", "start", "lowerBound"))
		end, okEnd := referenceDate(firstOf(r, "end", "upperBound"))
		return Window{Begin: begin, End: end, ZoneStated: okBegin && okEnd}
	}
	begin, zoneBegin := timeStamp(top["timeStampBegin"])
	end, zoneEnd := timeStamp(top["timeStampEnd"])
	return Window{Begin: begin, End: end, ZoneStated: zoneBegin && zoneEnd}
}

func firstOf(o object, names ...string) any {
	for _, n := range names {
		if v, ok := o[n]; ok {
			return v
		}
	}
	return nil
}

// timeStamp reads "2020-10-24 22:59:00 +0000", the same without a zone, and RFC 3339.
func timeStamp(v any) (text string, zone bool) {
	s, _ := v.(string)
	for _, layout := range []string{"2006-01-02 15:04:05 -0700", time.RFC3339Nano} {
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
func referenceDate(v any) (text string, ok bool) {
	switch v := v.(type) {
	case float64:
		if math.Abs(v) > 1e11 {
			return "", false
		}
		epoch := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		whole, part := math.Modf(v)
		return epoch.Add(time.Duration(whole)*time.Second + time.Duration(part*1e9)).Format(time.RFC3339), true
	case string:
		return timeStamp(v)
	}
	return "", false
}
