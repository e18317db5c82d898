package metrickit

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// diagnostics reads one list of diagnostics: crashDiagnostics, hangDiagnostics and so on.
func (p *parser) diagnostics(key string, list *node) {
	name := strings.TrimSuffix(key, "Diagnostics")
	for i, e := range list.fields {
		path := key + "." + strconv.Itoa(i)
		if !e.value.isObject() {
			p.unknown(path, e.value, Record{})
			continue
		}
		p.diagnostic(path+"."+name, e.value.get("diagnosticMetaData"), e.value)
	}
}

// diagnostic reads one diagnostic: its meta data as they are, durations and sizes as records of their own, its call
// stacks as a summary. whole holds the call stacks and whatever else stands beside the meta data.
func (p *parser) diagnostic(path string, meta, whole *node) {
	r := Record{Detail: map[string]json.RawMessage{}}
	if tree := whole.get("callStackTree"); tree.isObject() {
		r.Stack = p.summarise(tree)
	}
	if meta.isObject() {
		r.Environment = p.environmentOf(meta)
		for _, f := range meta.fields {
			if f.name == "callStackTree" {
				continue
			}
			r.Detail[f.name] = p.json(f.value)
			switch {
			case f.value.isString() && isQuantityField(f.name):
				p.quantity(path+"."+f.name, f.value, Record{Environment: r.Environment})
			case isMeasurement(f.value):
				p.measurement(path+"."+f.name, f.value, Record{Environment: r.Environment})
			}
		}
	}
	for _, f := range whole.fields {
		switch f.name {
		case "callStackTree", "diagnosticMetaData", "result", "timeRange", "environment":
		default:
			r.Detail[f.name] = p.json(f.value)
		}
	}
	p.add(Diagnostic, path, r)
}

// isQuantityField names the meta data of diagnostics that are quantities.
func isQuantityField(key string) bool {
	switch key {
	case "hangDuration", "totalCPUTime", "totalSampledTime", "writesCaused", "totalWritesCaused", "launchDuration":
		return true
	}
	return false
}

// reportDiagnostic reads the result of iOS 27's DiagnosticReport; its call stacks stand inside the result or beside it.
func (p *parser) reportDiagnostic(result, top *node) {
	name, body := p.named(result)
	if !body.isObject() {
		p.unknown("result", result, Record{})
		return
	}
	whole := top
	if body.get("callStackTree") != nil {
		whole = &node{kind: '{', fields: []field{{"callStackTree", body.get("callStackTree")}}}
	}
	p.diagnostic("result."+name, body, whole)
	p.Records[len(p.Records)-1].Environment = p.Environment
}

// summarise counts threads and frames without recursion, so that no depth of stack can exhaust ours.
func (p *parser) summarise(tree *node) *Stack {
	s := &Stack{}
	stacks := tree.get("callStacks", "callStackThreads")
	if !stacks.isList() {
		return s
	}
	s.Threads = len(stacks.fields)
	perThread := tree.get("callStackPerThread").isTrue()
	first := ""
	for i, t := range stacks.fields {
		blamed, deepest := p.descend(s, t.value.get("callStackRootFrames", "callStackFrames"))
		if !perThread {
			blamed = deepest // a tree of samples is written from the entry point inwards, a thread's stack from the crash outwards
		}
		if i == 0 {
			first = blamed
		}
		if t.value.get("threadAttributed").isTrue() && s.Attributed == "" {
			s.Attributed = blamed
		}
	}
	if s.Attributed == "" {
		s.Attributed = first // no thread is named: exceptions of CPU and disk have one tree
	}
	return s
}

type placed struct {
	frame *node
	depth int
}

// descend counts the frames below roots and names the first and the last frame of the first branch.
func (p *parser) descend(s *Stack, roots *node) (root, last string) {
	var pending []placed
	firstBranch := true
	push := func(frames *node, depth int) bool {
		if !frames.isList() {
			return false
		}
		if cut, ok := p.cut.at(frames.start); ok {
			p.descendCut(s, cut, depth, firstBranch, &last)
			return false
		}
		for _, f := range slices.Backward(frames.fields) {
			pending = append(pending, placed{f.value, depth})
		}
		return len(frames.fields) > 0
	}
	push(roots, 1)
	for len(pending) > 0 {
		at := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if !at.frame.isObject() {
			continue
		}
		if cut, ok := p.cut.at(at.frame.start); ok {
			p.descendCut(s, cut, at.depth, firstBranch, &last)
			firstBranch = false
			continue
		}
		s.Frames++
		s.Depth = max(s.Depth, at.depth)
		if root == "" {
			root = p.label(at.frame)
		}
		if firstBranch {
			last = p.label(at.frame)
		}
		firstBranch = push(at.frame.get("subFrames"), at.depth+1) && firstBranch
	}
	return root, last
}

// descendCut counts the frames of a part that was taken out because it nests too deep to be read; the frames of its
// outermost level are at depth.
func (p *parser) descendCut(s *Stack, cut cutOut, depth int, firstBranch bool, last *string) {
	frames, deep, innermost := countFrames(p.raw[cut.start:cut.end])
	s.Frames += frames
	s.Depth = max(s.Depth, depth-1+deep)
	if !firstBranch || innermost == nil {
		return
	}
	if frame, err := new(reader).readTree(innermost); err == nil {
		*last = (&parser{raw: innermost}).label(frame)
	}
}

func (p *parser) label(frame *node) string {
	name := frame.get("binaryName").str(p.raw)
	if name == "" {
		name = "?"
	}
	if offset := frame.get("offsetIntoBinaryTextSegment"); offset.isNumber() {
		return name + "+" + offset.str(p.raw)
	}
	return name
}

// json returns a value's own JSON. A string is written anew, since a phone's text may be no UTF-8.
func (p *parser) json(n *node) json.RawMessage {
	if n.isString() {
		raw, _ := json.Marshal(n.text) // a string always marshals
		return raw
	}
	raw := json.RawMessage(n.raw(p.raw))
	if !json.Valid(raw) || !utf8.Valid(raw) {
		raw, _ = json.Marshal(string(raw))
	}
	return raw
}
