package metrickit

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value with its fields in the order of the payload. A nil node is an absent one, and every method may
// be called on it.
type node struct {
	kind       jsontext.Kind // '{', '[', '"', '0', 't', 'f' or 'n'
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
	r.reset(raw)
	top, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("no JSON at byte %d: %w", r.decoder.InputOffset(), err)
	}
	if _, err := r.decoder.ReadToken(); err != io.EOF {
		return nil, fmt.Errorf("no JSON at byte %d: something follows the payload", r.decoder.InputOffset())
	}
	if !top.isObject() {
		return nil, fmt.Errorf("a payload is a JSON object, this begins with %s", top.kind)
	}
	return top, nil
}

// reader makes trees. It is made for one payload after another: what a tree takes is most of what a parse takes.
type reader struct {
	decoder jsontext.Decoder
	source  string  // the payload; texts without escapes are parts of it
	nodes   []node  // nodes and fields are taken from slabs, since a payload has hundreds
	fields  []field // of closed containers
	open    []field // of the containers that are not closed yet
}

var readers = sync.Pool{New: func() any { return new(reader) }}

func (r *reader) reset(raw []byte) {
	r.decoder.Reset(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	r.source = string(raw)
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
	r.reset(nil)
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

// token reads the next token and says where it stands.
func (r *reader) token() (token jsontext.Token, start, end int, err error) {
	start = int(r.decoder.InputOffset())
	if token, err = r.decoder.ReadToken(); err != nil {
		return token, 0, 0, err
	}
	return token, r.skip(start), int(r.decoder.InputOffset()), nil
}

// skip passes over what may stand between two tokens.
func (r *reader) skip(at int) int {
	for at < len(r.source) {
		switch r.source[at] {
		case ' ', '\t', '\r', '\n', ',', ':':
			at++
		default:
			return at
		}
	}
	return at
}

// text returns a string token's text, as a part of the payload where it is written plainly.
func (r *reader) text(token jsontext.Token, start, end int) string {
	if plain := r.source[start+1 : end-1]; strings.IndexByte(plain, '\\') < 0 && utf8.ValidString(plain) {
		return plain
	}
	return token.String()
}

// value reads the next value. The decoder bounds its depth at 10,000, which bounds the recursion.
func (r *reader) value() (*node, error) {
	token, start, end, err := r.token()
	if err != nil {
		return nil, err
	}
	n := r.node()
	n.kind, n.start, n.end = token.Kind(), int32(start), int32(end)
	switch n.kind {
	case '"':
		n.text = r.text(token, start, end)
	case '0':
		written := r.source[start:end]
		if n.number, err = strconv.ParseFloat(written, 64); err != nil {
			n.kind, n.text = '"', written // beyond what a number can hold: kept as text
		}
	case '{', '[':
		return n, r.container(n)
	}
	return n, nil
}

// container reads the fields of an object or the elements of a list to its end.
func (r *reader) container(n *node) error {
	mark := len(r.open)
	for {
		switch r.decoder.PeekKind() {
		case '}', ']':
			_, err := r.decoder.ReadToken()
			n.end = int32(r.decoder.InputOffset())
			n.fields = r.close(mark)
			return err
		}
		var f field
		if n.kind == '{' {
			name, start, end, err := r.token()
			if err != nil {
				return err
			}
			f.name = r.text(name, start, end)
		}
		value, err := r.value()
		if err != nil {
			return err
		}
		f.value = value
		r.open = append(r.open, f)
	}
}
