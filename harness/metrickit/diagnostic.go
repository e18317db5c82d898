package metrickit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// diagnostics reads one list of diagnostics: crashDiagnostics, hangDiagnostics and so on.
func (p *parser) diagnostics(key string, list []any) {
	name := strings.TrimSuffix(key, "Diagnostics")
	for i, e := range list {
		o, ok := e.(object)
		if !ok {
			p.unknown(fmt.Sprintf("%s.%d", key, i), e, Record{})
			continue
		}
		p.diagnostic(fmt.Sprintf("%s.%d.%s", key, i, name), o)
	}
}

// diagnostic reads one diagnostic: its meta data as they are, durations and sizes as records of their own, its call
// stacks as a summary.
func (p *parser) diagnostic(path string, o object) {
	r := Record{Detail: map[string]json.RawMessage{}}
	if tree, ok := o["callStackTree"].(object); ok {
		r.Stack = summarise(tree)
	}
	meta, ok := o["diagnosticMetaData"].(object)
	if ok {
		r.Environment = environmentOf(meta)
	}
	for _, key := range slices.Sorted(keys(meta)) {
		r.Detail[key], _ = json.Marshal(meta[key])
		if s, ok := meta[key].(string); ok && isQuantityField(key) {
			own := Record{Environment: r.Environment}
			p.quantity(path+"."+key, s, own)
		}
	}
	for _, key := range slices.Sorted(keys(o)) {
		if key != "callStackTree" && key != "diagnosticMetaData" {
			r.Detail[key], _ = json.Marshal(o[key])
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

// reportDiagnostic reads the result of iOS 27's DiagnosticReport.
func (p *parser) reportDiagnostic(value any, top object) {
	o, ok := value.(object)
	if !ok {
		p.unknown("result", value, Record{})
		return
	}
	name, body := named(o)
	inner, ok := body.(object)
	if !ok {
		p.unknown("result", value, Record{})
		return
	}
	whole := object{"diagnosticMetaData": inner}
	for _, tree := range []any{inner["callStackTree"], top["callStackTree"]} {
		if tree != nil {
			whole["callStackTree"] = tree
		}
	}
	delete(inner, "callStackTree")
	p.diagnostic("result."+name, whole)
	last := &p.Records[len(p.Records)-1]
	last.Environment = p.Environment
}

// summarise counts threads and frames without recursion, so that no depth of stack can exhaust ours.
func summarise(tree object) *Stack {
	stacks, _ := firstOf(tree, "callStacks", "callStackThreads").([]any)
	s := &Stack{Threads: len(stacks)}
	perThread, _ := tree["callStackPerThread"].(bool)
	for _, t := range stacks {
		thread, _ := t.(object)
		roots, _ := firstOf(thread, "callStackRootFrames", "callStackFrames").([]any)
		blame, _ := thread["threadAttributed"].(bool)
		root, deepest := s.descend(roots)
		switch {
		case !blame || s.Attributed != "":
		case perThread:
			s.Attributed = root // a thread's stack is written from the crash outwards
		default:
			s.Attributed = deepest // a tree of samples is written from the entry point inwards
		}
	}
	return s
}

type placed struct {
	frame any
	depth int
}

// descend counts the frames below roots and names the first and the last frame of the first branch.
func (s *Stack) descend(roots []any) (root, last string) {
	var pending []placed
	push := func(frames []any, depth int) {
		for _, f := range slices.Backward(frames) {
			pending = append(pending, placed{f, depth})
		}
	}
	push(roots, 1)
	firstBranch := true
	for len(pending) > 0 {
		at := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		frame, ok := at.frame.(object)
		if !ok {
			continue
		}
		s.Frames++
		s.Depth = max(s.Depth, at.depth)
		below, _ := frame["subFrames"].([]any)
		if root == "" {
			root = label(frame)
		}
		if firstBranch {
			last = label(frame)
			firstBranch = len(below) > 0
		}
		push(below, at.depth+1)
	}
	return root, last
}

func label(frame object) string {
	name := text(frame["binaryName"])
	if name == "" {
		name = "?"
	}
	if offset, ok := frame["offsetIntoBinaryTextSegment"].(float64); ok {
		return fmt.Sprintf("%s+%.0f", name, offset)
	}
	return name
}
