package metrickit

import (
	"fmt"
	"strconv"
	"strings"
)

// report reads iOS 27's MetricReport. Measurements are {value, unit} objects. How a result names its metric was not
// published when this was written, so both likely forms are read: an object with the metric's name as its one key, and one
// with a field that names it.
func (p *parser) report(top *node) {
	for _, f := range top.fields {
		switch f.name {
		case "version", "timeRange", "environment":
		case "intervalEntries":
			p.entries(f.name, f.value, false)
		case "stateEntries":
			p.entries(f.name, f.value, true)
		default:
			p.walk(f.name, f.value, Record{})
		}
	}
}

// diagnosticReport reads iOS 27's DiagnosticReport, which speaks of one event. Its result stands under "result", or its
// fields stand among the report's own: under the diagnostic's name, or with a field that names it.
func (p *parser) diagnosticReport(top *node) {
	found := false
	for _, f := range top.fields {
		name, body := unwrapped(f)
		if said := top.get("type"); said.isString() && !isDiagnosticKind(name) {
			name = said.text
		}
		switch {
		case f.name == "version" || f.name == "timeRange" || f.name == "environment":
		case f.name == "result":
			p.reportDiagnostic(f.value, top)
			found = true
		case isDiagnosticBody(f.name, body):
			p.diagnostic("result."+name, body, &node{kind: '{', fields: callStacksOf(body, top)})
			found = true
		case f.name == "callStackTree": // with its diagnostic, or alone
		case !isDiagnosticName(f):
			p.walk(f.name, f.value, Record{})
		}
	}
	if !found && top.get("callStackTree") != nil {
		p.diagnostic("result", nil, &node{kind: '{', fields: callStacksOf(nil, top)})
	}
}

// unwrapped returns a field's name and its body without what Swift puts around an enumeration's unnamed value.
func unwrapped(f field) (string, *node) {
	body := f.value
	if inner := body.get("_0"); inner != nil && len(body.fields) == 1 {
		body = inner
	}
	return f.name, body
}

// isDiagnosticBody reports whether a field of a report holds a diagnostic.
func isDiagnosticBody(name string, body *node) bool {
	return body.isObject() && (isDiagnosticKind(name) || name != "environment" && body.get("callStackTree") != nil)
}

func isDiagnosticKind(name string) bool {
	switch name {
	case "crash", "hang", "cpuException", "cpu", "diskWriteException", "diskWrite", "appLaunch", "memoryException":
		return true
	}
	return false
}

// isDiagnosticName reports whether a field says no more than of which kind a diagnostic is.
func isDiagnosticName(f field) bool { return f.name == "type" && f.value.isString() }

// callStacksOf are the call stacks of a diagnostic: within it, or beside it.
func callStacksOf(body, top *node) []field {
	for _, o := range []*node{body, top} {
		if tree := o.get("callStackTree"); tree != nil {
			return []field{{"callStackTree", tree}}
		}
	}
	return nil
}

func (p *parser) stateOf(entry *node) *State {
	s := entry.get("state")
	if !s.isObject() {
		return nil
	}
	return &State{Domain: s.get("domain").str(p.raw), Label: s.get("label").str(p.raw)}
}

// stateBeyond keeps what a state says beside its domain and label: how long it lasted, what the app attached to it.
func (p *parser) stateBeyond(path string, state *node, base Record) {
	if !state.isObject() {
		p.unknown(path, state, base)
		return
	}
	for _, f := range state.fields {
		if (f.name != "domain" && f.name != "label") || !f.value.isString() {
			p.walk(path+"."+f.name, f.value, base)
		}
	}
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
			case "state":
				p.stateBeyond(path+".state", f.value, base)
			case "states":
				if !f.value.isList() || len(f.value.fields) > 0 {
					p.unknown(path+".states", f.value, base)
				}
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
		if strings.HasPrefix(name, "signpost") && body.isObject() {
			r.Signpost, r.Category = body.get("name", "signpostName").str(p.raw), body.get("category", "signpostCategory").str(p.raw)
			body = body.without("name", "signpostName", "category", "signpostCategory")
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
		body := o.without(key)
		for _, only := range []string{"value", "metric", "_0"} {
			if value := body.get(only); value != nil && len(body.fields) == 1 {
				return name.text, value
			}
		}
		return name.text, body
	}
	if len(o.fields) != 1 {
		return "", nil
	}
	return unwrapped(o.fields[0])
}

// isMeasurement reports whether o is {value, unit}.
func isMeasurement(o *node) bool { return o.get("value").isNumber() && o.get("unit").isString() }

func (p *parser) measurement(path string, o *node, base Record) {
	p.fill(&base, measured(o))
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

// reportHistogram reads {buckets: [{lowerBound, upperBound, count}]}, which stands in the field histogram of o, or is o.
func (p *parser) reportHistogram(path string, o, histogram *node, base Record) {
	if buckets := histogram.get("buckets"); buckets.isList() {
		for i, e := range buckets.fields {
			count := e.value.get("count")
			if !count.isNumber() {
				base.Warnings = append(base.Warnings, fmt.Sprintf("bucket %d has no count", i))
				continue
			}
			base.Buckets = append(base.Buckets, Bucket{
				Low: p.bound(&base, e.value.get("lowerBound")), High: p.bound(&base, e.value.get("upperBound")), Count: int64(count.number),
			})
		}
	}
	sortBuckets(base.Buckets)
	p.rest(path, o, base, "histogram", "buckets")
	p.add(Histogram, path, base)
}

// bound reads one end of a bucket; nil where the bucket is open.
func (p *parser) bound(r *Record, n *node) *float64 {
	if !isMeasurement(n) {
		return nil
	}
	q := measured(n)
	r.edge(q)
	return p.float(q.Value)
}

// reportAverage reads AverageStatistics: {average: {value, unit}, count, standardDeviation}. A negative deviation says that
// there is none; it is in the written unit of the average.
func (p *parser) reportAverage(path string, o *node, base Record) {
	written := o.get("average").get("unit").text
	p.fill(&base, measured(o.get("average")))
	if sd := o.get("standardDeviation"); sd.isNumber() && sd.number >= 0 {
		value := sd.number
		if u, ok := unitNamed(written); ok {
			value *= u.factor
		}
		base.SD = &value
	}
	if n := o.get("count"); n.isNumber() {
		count := int64(n.number)
		base.Samples = &count
	}
	p.rest(path, o, base, "average", "count", "standardDeviation")
	p.add(Average, path, base)
}
