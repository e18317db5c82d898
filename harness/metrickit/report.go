package metrickit

import (
	"fmt"
	"slices"
	"strings"
)

// report reads iOS 27's MetricReport and DiagnosticReport. Measurements are {value, unit} objects. How a result names
// its metric was not published when this was written, so both likely forms are read: an object with the metric's name
// as its one key, and one with a field that names it.
func (p *parser) report(top object) {
	for _, key := range slices.Sorted(keys(top)) {
		switch value := top[key]; key {
		case "version", "timeRange", "environment":
		case "intervalEntries":
			p.entries(key, value, nil)
		case "stateEntries":
			p.entries(key, value, stateOf)
		case "result":
			p.reportDiagnostic(value, top)
		case "callStackTree":
			if top["result"] == nil {
				p.diagnostic("result", object{"callStackTree": value})
			}
		default:
			p.walk(key, value, Record{})
		}
	}
}

func stateOf(entry object) *State {
	if s, ok := entry["state"].(object); ok {
		return &State{Domain: text(s["domain"]), Label: text(s["label"])}
	}
	return nil
}

func (p *parser) entries(name string, value any, state func(object) *State) {
	list, _ := value.([]any)
	if list == nil {
		p.unknown(name, value, Record{})
		return
	}
	for i, e := range list {
		entry, ok := e.(object)
		if !ok {
			p.unknown(fmt.Sprintf("%s.%d", name, i), e, Record{})
			continue
		}
		var base Record
		if state != nil {
			base.State = state(entry)
		}
		for _, key := range slices.Sorted(keys(entry)) {
			path := fmt.Sprintf("%s.%d.%s", name, i, key)
			switch key {
			case "state", "states":
			case "values":
				p.results(path, entry[key], base)
			default:
				p.walk(path, entry[key], base)
			}
		}
	}
}

// results reads the values of an entry.
func (p *parser) results(path string, value any, base Record) {
	list, ok := value.([]any)
	if !ok {
		p.walk(path, value, base)
		return
	}
	for i, e := range list {
		o, ok := e.(object)
		if !ok {
			p.unknown(fmt.Sprintf("%s.%d", path, i), e, base)
			continue
		}
		name, body := named(o)
		r := base
		if s, ok := body.(object); ok && strings.HasPrefix(name, "signpost") {
			r.Signpost, r.Category = first(s, "name", "signpostName"), first(s, "category", "signpostCategory")
		}
		if name == "" {
			p.unknown(fmt.Sprintf("%s.%d", path, i), e, r)
			continue
		}
		p.walk(path+"."+name, body, r)
	}
}

// named finds the metric's name and body in a result.
func named(o object) (string, any) {
	for _, key := range []string{"type", "metric", "name", "kind"} {
		name, ok := o[key].(string)
		if !ok {
			continue
		}
		body := object{}
		for k, v := range o {
			if k != key {
				body[k] = v
			}
		}
		if v, ok := body["value"]; ok && len(body) == 1 {
			return name, v
		}
		return name, body
	}
	if len(o) == 1 {
		for name, body := range o {
			if inner, ok := body.(object); ok && len(inner) == 1 && inner["_0"] != nil {
				return name, inner["_0"] // Swift's own encoding of an enum case with an unnamed value
			}
			return name, body
		}
	}
	return "", nil
}

// isMeasurement reports whether o is {value, unit}.
func isMeasurement(o object) bool {
	_, value := o["value"].(float64)
	_, unit := o["unit"].(string)
	return value && unit
}

func (p *parser) measurement(path string, o object, base Record) {
	base.fill(measured(o))
	p.rest(path, o, base, "value", "unit")
	p.add(Metric, path, base)
}

func measured(o object) Quantity {
	value, written := o["value"].(float64), o["unit"].(string)
	q := Quantity{Value: value, Unit: written, Text: fmt.Sprintf("%v %s", value, written)}
	if u, ok := unitNamed(written); ok {
		q.Value, q.Unit, q.Known = value*u.factor, u.base, true
	}
	return q
}

// reportHistogram reads {histogram: {buckets: [{lowerBound, upperBound, count}]}}.
func (p *parser) reportHistogram(path string, o object, base Record) {
	h, _ := o["histogram"].(object)
	list, _ := h["buckets"].([]any)
	for i, e := range list {
		b, _ := e.(object)
		count, ok := b["count"].(float64)
		if !ok {
			base.Warnings = append(base.Warnings, fmt.Sprintf("bucket %d has no count", i))
			continue
		}
		bucket := Bucket{Count: int64(count)}
		for key, into := range map[string]**float64{"lowerBound": &bucket.Low, "upperBound": &bucket.High} {
			if m, ok := b[key].(object); ok && isMeasurement(m) {
				q := measured(m)
				*into, base.Unit = &q.Value, q.Unit
			}
		}
		base.Buckets = append(base.Buckets, bucket)
	}
	p.rest(path, o, base, "histogram")
	p.add(Histogram, path, base)
}
