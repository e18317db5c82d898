package metrickit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// groups walks a payload of iOS 13 to 26: groups of metrics, and lists of diagnostics.
func (p *parser) groups(top object) {
	for _, key := range slices.Sorted(keys(top)) {
		switch value := top[key]; key {
		case "timeStampBegin", "timeStampEnd", "appVersion", "metaData":
		case "signpostMetrics":
			p.signposts(value)
		default:
			if list, ok := value.([]any); ok && strings.HasSuffix(key, "Diagnostics") {
				p.diagnostics(key, list)
				continue
			}
			p.walk(key, value, Record{})
		}
	}
}

// signposts reads signpostMetrics, a list with one entry for each signpost name and category.
func (p *parser) signposts(value any) {
	list, ok := value.([]any)
	if !ok {
		p.unknown("signpostMetrics", value, Record{})
		return
	}
	for i, entry := range list {
		path := fmt.Sprintf("signpostMetrics.%d", i)
		o, ok := entry.(object)
		if !ok {
			p.unknown(path, entry, Record{})
			continue
		}
		base := Record{Signpost: text(o["signpostName"]), Category: text(o["signpostCategory"])}
		for _, key := range slices.Sorted(keys(o)) {
			if key != "signpostName" && key != "signpostCategory" {
				p.walk(path+"."+key, o[key], base)
			}
		}
	}
}

// walk turns a value of any shape into records; base carries the signpost or state that it belongs to.
func (p *parser) walk(path string, value any, base Record) {
	switch v := value.(type) {
	case object:
		p.walkObject(path, v, base)
	case string:
		p.quantity(path, v, base)
	case float64:
		base.Value, base.Unit = &v, "1"
		kind := Metric
		if strings.HasSuffix(path, "Count") {
			kind = Count
		}
		p.add(kind, path, base)
	default:
		p.unknown(path, value, base)
	}
}

func (p *parser) walkObject(path string, o object, base Record) {
	switch {
	case o["histogramValue"] != nil || o["histogramNumBuckets"] != nil:
		p.histogram(path, o, base)
	case o["histogram"] != nil:
		p.reportHistogram(path, o, base)
	case o["averageValue"] != nil:
		p.average(path, o, base)
	case isMeasurement(o):
		p.measurement(path, o, base)
	default:
		for _, key := range slices.Sorted(keys(o)) {
			p.walk(path+"."+key, o[key], base)
		}
	}
}

// quantity reads a string with a number and a unit; a string without a number is unknown.
func (p *parser) quantity(path, s string, base Record) {
	q, err := ParseQuantity(s, p.Convention)
	if err != nil {
		p.unknown(path, s, base)
		return
	}
	base.fill(q)
	p.add(Metric, path, base)
}

// fill puts a quantity into a record, with its doubts.
func (r *Record) fill(q Quantity) {
	r.Value, r.Unit, r.Text = &q.Value, q.Unit, q.Text
	if !q.Known {
		r.Warnings = append(r.Warnings, fmt.Sprintf("unit %q is not known; the number stands as written", q.Unit))
	}
	if q.Ambiguous {
		r.Warnings = append(r.Warnings, fmt.Sprintf("separators of %q could be read in two ways", q.Text))
	}
}

// average reads {averageValue, standardDeviation, sampleCount}. A standard deviation of -1 says that there was none;
// it is in the written unit of the average.
func (p *parser) average(path string, o object, base Record) {
	q, err := ParseQuantity(text(o["averageValue"]), p.Convention)
	if err != nil {
		p.unknown(path, o, base)
		return
	}
	base.fill(q)
	factor := 1.0
	if _, written := cut(q.Text); q.Known {
		u, _ := unitNamed(written)
		factor = u.factor
	}
	if sd, ok := p.number(o["standardDeviation"]); ok && sd >= 0 {
		sd *= factor
		base.SD = &sd
	}
	if n, ok := p.number(o["sampleCount"]); ok {
		count := int64(n)
		base.Samples = &count
	}
	p.rest(path, o, base, "averageValue", "standardDeviation", "sampleCount")
	p.add(Average, path, base)
}

// number reads a JSON number, or a string that holds one.
func (p *parser) number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		q, err := ParseQuantity(v, p.Convention)
		return q.Value, err == nil
	}
	return 0, false
}

// histogram reads buckets keyed by decimal strings in any order, or in a list.
func (p *parser) histogram(path string, o object, base Record) {
	var entries []any
	switch v := o["histogramValue"].(type) {
	case object:
		for _, key := range slices.SortedFunc(keys(v), byNumber) {
			entries = append(entries, v[key])
		}
	case []any:
		entries = v
	}
	for i, e := range entries {
		bucket, err := p.bucket(e, &base)
		if err != nil {
			base.Warnings = append(base.Warnings, fmt.Sprintf("bucket %d: %v", i, err))
			continue
		}
		base.Buckets = append(base.Buckets, bucket)
	}
	if n, ok := p.number(o["histogramNumBuckets"]); ok && int(n) != len(base.Buckets) {
		base.Warnings = append(base.Warnings, fmt.Sprintf("%d buckets were announced, %d were read", int(n), len(base.Buckets)))
	}
	p.rest(path, o, base, "histogramValue", "histogramNumBuckets")
	p.add(Histogram, path, base)
}

func (p *parser) bucket(e any, base *Record) (Bucket, error) {
	o, ok := e.(object)
	if !ok {
		return Bucket{}, fmt.Errorf("is no object")
	}
	count, ok := p.number(o["bucketCount"])
	if !ok {
		return Bucket{}, fmt.Errorf("has no count")
	}
	bucket := Bucket{Count: int64(count)}
	for _, side := range []struct {
		key  string
		into **float64
	}{{"bucketStart", &bucket.Low}, {"bucketEnd", &bucket.High}} {
		q, err := ParseQuantity(text(o[side.key]), p.Convention)
		if err != nil {
			continue // an open bucket
		}
		if base.Unit == "" {
			base.Unit = q.Unit
		}
		*side.into = &q.Value
	}
	return bucket, nil
}

// byNumber orders decimal strings by value, others after them by spelling.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return x - y
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// rest keeps the fields of an object that its reader did not use.
func (p *parser) rest(path string, o object, base Record, used ...string) {
	for _, key := range slices.Sorted(keys(o)) {
		if !slices.Contains(used, key) {
			p.unknown(path+"."+key, o[key], Record{Signpost: base.Signpost, Category: base.Category, State: base.State})
		}
	}
}

func (p *parser) add(kind Kind, path string, r Record) {
	r.Kind, r.Path, r.Name = kind, path, newestName(path[strings.LastIndexByte(path, '.')+1:])
	p.Records = append(p.Records, r)
}

func (p *parser) unknown(path string, value any, r Record) {
	raw, err := json.Marshal(value)
	if err != nil {
		raw, _ = json.Marshal(fmt.Sprint(value))
	}
	r.Raw = raw
	p.add(Unknown, path, r)
}

// newestName maps names that changed between versions to their newest spelling.
func newestName(name string) string {
	switch name {
	case "histogrammedTimeToFirstDraw":
		return "histogrammedTimeToFirstDrawKey"
	case "histogrammedOptimizedTimeToFirstDraw":
		return "histogrammedOptimizedTimeToFirstDrawKey"
	}
	return name
}
