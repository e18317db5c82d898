package metrickit

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// groups walks a payload of iOS 13 to 26: groups of metrics, and lists of diagnostics.
func (p *parser) groups(top *node) {
	for _, f := range top.fields {
		switch f.name {
		case "timeStampBegin", "timeStampEnd", "appVersion", "metaData":
		case "signpostMetrics":
			p.signposts(f.value)
		default:
			if f.value.isList() && strings.HasSuffix(f.name, "Diagnostics") {
				p.diagnostics(f.name, f.value)
				continue
			}
			p.walk(f.name, f.value, Record{})
		}
	}
}

// signposts reads signpostMetrics, a list with one entry for each signpost name and category.
func (p *parser) signposts(list *node) {
	if !list.isList() {
		p.unknown("signpostMetrics", list, Record{})
		return
	}
	for i, entry := range list.fields {
		path := "signpostMetrics." + strconv.Itoa(i)
		if !entry.value.isObject() {
			p.unknown(path, entry.value, Record{})
			continue
		}
		base := Record{
			Signpost: entry.value.get("signpostName").str(p.raw),
			Category: entry.value.get("signpostCategory").str(p.raw),
		}
		for _, f := range entry.value.fields {
			if f.name != "signpostName" && f.name != "signpostCategory" {
				p.walk(path+"."+f.name, f.value, base)
			}
		}
	}
}

// walk turns a value of any shape into records; base carries the signpost or state that it belongs to.
func (p *parser) walk(path string, value *node, base Record) {
	switch {
	case value.isObject():
		p.walkObject(path, value, base)
	case value.isString():
		p.quantity(path, value, base)
	case value.isNumber():
		base.Value, base.Unit, base.Text = p.float(value.number), "1", value.str(p.raw)
		kind := Metric
		if strings.HasSuffix(path, "Count") {
			kind = Count
		}
		p.add(kind, path, base)
	case value.isList() && len(value.fields) > 0 && value.fields[0].value.isObject():
		for i, e := range value.fields {
			p.walk(path+"."+strconv.Itoa(i), e.value, base)
		}
	default:
		p.unknown(path, value, base)
	}
}

func (p *parser) walkObject(path string, o *node, base Record) {
	switch {
	case o.get("histogramValue", "histogramNumBuckets") != nil:
		p.histogram(path, o, base)
	case o.get("histogram") != nil:
		p.reportHistogram(path, o, o.get("histogram"), base)
	case o.get("buckets").isList():
		p.reportHistogram(path, o, o, base)
	case o.get("averageValue") != nil:
		p.average(path, o, base)
	case isMeasurement(o.get("average")):
		p.reportAverage(path, o, base)
	case isMeasurement(o):
		p.measurement(path, o, base)
	case o.get("value").isObject() || o.get("value").isNumber():
		p.valued(path, o, base)
	default:
		for _, f := range o.fields {
			p.walk(path+"."+f.name, f.value, base)
		}
	}
}

// quantity reads a string with a number and a unit; a string without a number is unknown.
func (p *parser) quantity(path string, s *node, base Record) {
	q, err := ParseQuantity(s.text, p.Convention)
	if err != nil {
		p.unknown(path, s, base)
		return
	}
	p.fill(&base, q)
	p.add(Metric, path, base)
}

// fill puts a quantity into a record, with its doubts.
func (p *parser) fill(r *Record, q Quantity) {
	r.Value, r.Unit, r.Text = p.float(q.Value), q.Unit, q.Text
	r.Warnings = append(r.Warnings, q.doubts()...)
}

// doubts are what a reader of the quantity must know.
func (q Quantity) doubts() []string {
	var out []string
	if !q.Known {
		out = append(out, fmt.Sprintf("unit %q is not known; the number stands as written", q.Unit))
	}
	if q.Ambiguous {
		out = append(out, fmt.Sprintf("separators of %q could be read in two ways", q.Text))
	}
	return out
}

// average reads {averageValue, standardDeviation, sampleCount}. A standard deviation of -1 says that there was none;
// it is in the written unit of the average.
func (p *parser) average(path string, o *node, base Record) {
	q, err := ParseQuantity(o.get("averageValue").str(p.raw), p.Convention)
	if err != nil {
		p.unknown(path, o, base)
		return
	}
	p.fill(&base, q)
	factor := 1.0
	if _, written := cut(q.Text); q.Known {
		u, _ := unitNamed(written)
		factor = u.factor
	}
	if sd, ok := p.number(o.get("standardDeviation")); ok && sd >= 0 {
		sd *= factor
		base.SD = p.float(sd)
	}
	if n, ok := p.number(o.get("sampleCount")); ok {
		count := int64(n)
		base.Samples = &count
	}
	p.rest(path, o, base, "averageValue", "standardDeviation", "sampleCount")
	p.add(Average, path, base)
}

// number reads a JSON number, or a string that holds one.
func (p *parser) number(n *node) (float64, bool) {
	switch {
	case n.isNumber():
		return n.number, true
	case n.isString():
		q, err := ParseQuantity(n.text, p.Convention)
		return q.Value, err == nil
	}
	return 0, false
}

// valued reads {value: …} as its value stands in the payload of one metric, whatever else stands beside it.
func (p *parser) valued(path string, o *node, base Record) {
	p.walk(path, o.get("value"), base)
	for _, f := range o.fields {
		if f.name != "value" {
			p.walk(path+"."+f.name, f.value, base)
		}
	}
}

// histogram reads buckets keyed by decimal strings in any order, or in a list.
func (p *parser) histogram(path string, o *node, base Record) {
	values := o.get("histogramValue")
	if values.isObject() {
		slices.SortStableFunc(values.fields, func(a, b field) int { return byNumber(a.name, b.name) })
	}
	if values.isObject() || values.isList() {
		base.Buckets = make([]Bucket, 0, len(values.fields))
		for i, f := range values.fields {
			bucket, err := p.bucket(f.value, &base)
			if err != nil {
				base.Warnings = append(base.Warnings, fmt.Sprintf("bucket %d: %v", i, err))
				continue
			}
			base.Buckets = append(base.Buckets, bucket)
		}
	}
	sortBuckets(base.Buckets)
	if n, ok := p.number(o.get("histogramNumBuckets")); ok && int(n) != len(base.Buckets) {
		base.Warnings = append(base.Warnings, fmt.Sprintf("%d buckets were announced, %d were read", int(n), len(base.Buckets)))
	}
	p.rest(path, o, base, "histogramValue", "histogramNumBuckets")
	p.add(Histogram, path, base)
}

func (p *parser) bucket(o *node, base *Record) (Bucket, error) {
	if !o.isObject() {
		return Bucket{}, fmt.Errorf("is no object")
	}
	count, ok := p.number(o.get("bucketCount"))
	if !ok {
		return Bucket{}, fmt.Errorf("has no count")
	}
	return Bucket{Low: p.edge(o.get("bucketStart"), base), High: p.edge(o.get("bucketEnd"), base), Count: int64(count)}, nil
}

// edge reads one end of a bucket; nil where the bucket is open.
func (p *parser) edge(n *node, base *Record) *float64 {
	q, err := ParseQuantity(n.str(p.raw), p.Convention)
	if err != nil {
		return nil
	}
	base.edge(q)
	return p.float(q.Value)
}

// edge takes the unit of one end of a bucket, and each doubt about it once.
func (r *Record) edge(q Quantity) {
	if r.Unit == "" {
		r.Unit = q.Unit
	}
	doubts := q.doubts()
	if q.Unit != r.Unit {
		doubts = append(doubts, fmt.Sprintf("bucket in %q among buckets in %q", q.Unit, r.Unit))
	}
	for _, doubt := range doubts {
		if !slices.Contains(r.Warnings, doubt) {
			r.Warnings = append(r.Warnings, doubt)
		}
	}
}

// sortBuckets orders buckets by where they begin, where all of them tell.
func sortBuckets(buckets []Bucket) {
	if slices.ContainsFunc(buckets, func(b Bucket) bool { return b.Low == nil }) {
		return
	}
	slices.SortStableFunc(buckets, func(a, b Bucket) int { return cmp.Compare(*a.Low, *b.Low) })
}

// byNumber orders decimal strings by value, others after them by spelling.
func byNumber(a, b string) int {
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	switch {
	case errX == nil && errY == nil:
		return cmp.Compare(x, y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return strings.Compare(a, b)
}

// rest keeps the fields of an object that its reader did not use.
func (p *parser) rest(path string, o *node, base Record, used ...string) {
	for _, f := range o.fields {
		if !slices.Contains(used, f.name) {
			p.unknown(path+"."+f.name, f.value, Record{Signpost: base.Signpost, Category: base.Category, State: base.State})
		}
	}
}

func (p *parser) add(kind Kind, path string, r Record) {
	r.Kind, r.Path, r.Name = kind, path, newestName(path[strings.LastIndexByte(path, '.')+1:])
	p.Records = append(p.Records, r)
}

func (p *parser) unknown(path string, value *node, r Record) {
	r.Raw = p.json(value)
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
