package metrickit

import (
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value with its fields in the order of the payload. A nil node is an absent one, and every method may
// be called on it.
type node struct {
	kind       jsontext.Kind // '{', '[', '"', '0', 't', 'f' or 'n'
	separated  bool          // of a string: it may hold a decimal separator
	start, end int32         // where it stands in the payload, which MaxBytes bounds
	number     float64
	text       string  // of a string
	fields     []field // of an object, or, unnamed, of a list
}

type field struct {
	name  string
	value *node
}

// get returns the first of the named fields that is there.
func (n *node) get(names ...string) *node {
	if n == nil || n.kind != '{' {
		return nil
	}
	for _, name := range names {
		for i := range n.fields {
			if n.fields[i].name == name {
				return n.fields[i].value
			}
		}
	}
	return nil
}

// without returns the object without the named fields.
func (n *node) without(names ...string) *node {
	rest := *n
	rest.fields = slices.DeleteFunc(slices.Clone(n.fields), func(f field) bool { return slices.Contains(names, f.name) })
	return &rest
}

func (n *node) isObject() bool { return n != nil && n.kind == '{' }
func (n *node) isList() bool   { return n != nil && n.kind == '[' }
func (n *node) isString() bool { return n != nil && n.kind == '"' }
func (n *node) isNumber() bool { return n != nil && n.kind == '0' }
func (n *node) isTrue() bool   { return n != nil && n.kind == 't' }

// str returns a string as it is and a number as it was written; anything else is empty.
func (n *node) str(raw []byte) string {
	switch {
	case n.isString():
		return n.text
	case n.isNumber():
		return string(n.raw(raw))
	}
	return ""
}

// raw returns the value's own bytes of the payload.
func (n *node) raw(payload []byte) []byte { return payload[n.start:n.end] }

// readTree reads one JSON object. It allows what phones have sent: names that stand twice and text that is no UTF-8. The
// nodes are the reader's: they last until it reads another payload.
func (r *reader) readTree(raw []byte) (*node, error) {
	r.reset(string(raw))
	r.peek()
	top, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if r.peek(); r.at < len(r.source) {
		return nil, fmt.Errorf("no JSON at byte %d: something follows the payload", r.at)
	}
	if !top.isObject() {
		return nil, fmt.Errorf("a payload is a JSON object, this begins with %s", top.kind)
	}
	return top, nil
}

// reader makes trees. It is made for one payload after another: what a tree takes is most of what a parse takes.
type reader struct {
	scanner
	nodes  []node  // nodes and fields are taken from slabs, since a payload has hundreds
	fields []field // of closed containers
	open   []field // of the containers that are not closed yet
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func (r *reader) reset(source string) {
	r.scanner = scanner{source: source}
	clear(r.nodes)
	clear(r.fields)
	r.nodes, r.fields, r.open = r.nodes[:0], r.fields[:0], r.open[:0]
}

// release lets another payload use the reader's slabs, and lets go of this one.
func (r *reader) release() {
	const most = 1 << 14 // fields: a tree that was deep or wide is not kept for one that is not
	if cap(r.open) > most || cap(r.fields) > most {
		return
	}
	r.reset("")
	clear(r.open[:cap(r.open)])
	readers.Put(r)
}

func (r *reader) node() *node {
	const slab = 1024
	if len(r.nodes) == cap(r.nodes) {
		r.nodes = make([]node, 0, slab)
	}
	r.nodes = r.nodes[:len(r.nodes)+1]
	return &r.nodes[len(r.nodes)-1]
}

// close moves the fields opened since mark into a slice of their own.
func (r *reader) close(mark int) []field {
	const slab = 1024
	begin, count := len(r.fields), len(r.open)-mark
	if begin+count > cap(r.fields) {
		r.fields, begin = make([]field, 0, max(slab, count)), 0
	}
	r.fields = append(r.fields, r.open[mark:]...)
	r.open = r.open[:mark]
	return r.fields[begin : begin+count : begin+count]
}

// value reads the value that begins here.
func (r *reader) value(depth int) (*node, error) {
	if r.at >= len(r.source) {
		return nil, r.unexpected("a value")
	}
	n := r.node()
	begin := r.at
	var err error
	switch b := r.source[begin]; {
	case b == '"':
		n.kind = '"'
		n.text, n.separated, err = r.text()
	case b >= '0' && b <= '9' || b == '-':
		var ok bool
		n.kind = '0'
		if n.number, ok, err = r.number(); !ok {
			n.kind, n.text = '"', r.source[begin:r.at] // beyond what a number can hold: kept as text
		}
	case b == '{' || b == '[':
		n.kind = jsontext.Kind(b)
		if depth++; depth > deepest {
			return nil, fmt.Errorf("no JSON at byte %d: nests deeper than %d levels", begin, deepest)
		}
		err = r.container(n, depth)
	default:
		n.kind = jsontext.Kind(b)
		err = r.word()
	}
	n.start, n.end = int32(begin), int32(r.at)
	return n, err
}

// container reads the fields of an object or the elements of a list to its end.
func (r *reader) container(n *node, depth int) error {
	mark, end := len(r.open), byte(n.kind)+2 // both closing brackets stand two behind the opening ones in ASCII
	r.at++
	if r.peek() == end {
		r.at++
		return nil
	}
	for {
		var f field
		var err error
		if n.kind == '{' {
			if f.name, err = r.name(); err != nil {
				return err
			}
		}
		if f.value, err = r.value(depth); err != nil {
			return err
		}
		r.open = append(r.open, f)
		switch r.peek() {
		case ',':
			r.at++
			r.peek()
		case end:
			r.at++
			n.fields = r.close(mark)
			return nil
		default:
			return r.unexpected("a comma or the end of " + n.kind.String())
		}
	}
}

// name reads a field's name with what stands between it and its value.
func (r *reader) name() (string, error) {
	if r.at >= len(r.source) || r.source[r.at] != '"' {
		return "", r.unexpected("a field's name")
	}
	name, _, err := r.text()
	if err != nil {
		return "", err
	}
	err = r.expect(':')
	r.peek()
	return name, err
}
