package metrickit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// report reads iOS 27's MetricReport and DiagnosticReport. Measurements are {value, unit} objects. How a result names
// its metric was not published when this was written, so both likely forms are read: an object with the metric's name
// as its one key, and one with a field that names it.
func (p *parser) report(top *node) {
	for _, f := range top.fields {
		switch f.name {
		case "version", "timeRange", "environment":
		case "intervalEntries":
			p.entries(f.name, f.value, false)
		case "stateEntries":
			p.entries(f.name, f.value, true)
		case "result":
			p.reportDiagnostic(f.value, top)
		case "callStackTree":
			if top.get("result") == nil {
				p.diagnostic("result", nil, top)
			}
		default:
			p.walk(f.name, f.value, Record{})
		}
	}
}

func (p *parser) stateOf(entry *node) *State {
	s := entry.get("state")
	if !s.isObject() {
		return nil
	}
	return &State{Domain: s.get("domain").str(p.raw), Label: s.get("label").str(p.raw)}
}

func (p *parser) entries(name string, list *node, states bool) {
	if !list.isList() {
		p.unknown(name, list, Record{})
		return
	}
	for i, e := range list.fields {
		path := name + "." + strconv.Itoa(i)
		if !e.value.isObject() {
			p.unknown(path, e.value, Record{})
			continue
		}
		var base Record
		if states {
			base.State = p.stateOf(e.value)
		}
		for _, f := range e.value.fields {
			switch f.name {
			case "state", "states":
			case "values":
				p.results(path+".values", f.value, base)
			default:
				p.walk(path+"."+f.name, f.value, base)
			}
		}
	}
}

// results reads the values of an entry.
func (p *parser) results(path string, list *node, base Record) {
	if !list.isList() {
		p.walk(path, list, base)
		return
	}
	for i, e := range list.fields {
		name, body := p.named(e.value)
		if name == "" {
			p.unknown(path+"."+strconv.Itoa(i), e.value, base)
			continue
		}
		r := base
		if strings.HasPrefix(name, "signpost") {
			r.Signpost, r.Category = body.get("name", "signpostName").str(p.raw), body.get("category", "signpostCategory").str(p.raw)
		}
		p.walk(path+"."+name, body, r)
	}
}

// named finds the metric's name and body in a result.
func (p *parser) named(o *node) (string, *node) {
	if !o.isObject() {
		return "", nil
	}
	for _, key := range []string{"type", "metric", "name", "kind"} {
		name := o.get(key)
		if !name.isString() {
			continue
		}
		body := *o
		body.fields = slices.DeleteFunc(slices.Clone(o.fields), func(f field) bool { return f.name == key })
		if value := body.get("value"); value != nil && len(body.fields) == 1 {
			return name.text, value
		}
		return name.text, &body
	}
	if len(o.fields) != 1 {
		return "", nil
	}
	body := o.fields[0].value
	if inner := body.get("_0"); inner != nil && len(body.fields) == 1 {
		body = inner // Swift's own encoding of an enum case with an unnamed value
	}
	return o.fields[0].name, body
}

// isMeasurement reports whether o is {value, unit}.
func isMeasurement(o *node) bool { return o.get("value").isNumber() && o.get("unit").isString() }

func (p *parser) measurement(path string, o *node, base Record) {
	base.fill(measured(o))
	p.rest(path, o, base, "value", "unit")
	p.add(Metric, path, base)
}

func measured(o *node) Quantity {
	value, written := o.get("value").number, o.get("unit").text
	q := Quantity{Value: value, Unit: written, Text: fmt.Sprintf("%v %s", value, written)}
	if u, ok := unitNamed(written); ok {
		q.Value, q.Unit, q.Known = value*u.factor, u.base, true
	}
	return q
}

// reportHistogram reads {histogram: {buckets: [{lowerBound, upperBound, count}]}}.
func (p *parser) reportHistogram(path string, o *node, base Record) {
	if buckets := o.get("histogram").get("buckets"); buckets.isList() {
		for i, e := range buckets.fields {
			count := e.value.get("count")
			if !count.isNumber() {
				base.Warnings = append(base.Warnings, fmt.Sprintf("bucket %d has no count", i))
				continue
			}
			bucket := Bucket{Count: int64(count.number)}
			if low := e.value.get("lowerBound"); isMeasurement(low) {
				q := measured(low)
				bucket.Low, base.Unit = &q.Value, q.Unit
			}
			if high := e.value.get("upperBound"); isMeasurement(high) {
				q := measured(high)
				bucket.High, base.Unit = &q.Value, q.Unit
			}
			base.Buckets = append(base.Buckets, bucket)
		}
	}
	p.rest(path, o, base, "histogram")
	p.add(Histogram, path, base)
}
