package metrickit

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value with its fields in the order of the payload. A nil node is an absent one, and every method may
// be called on it.
type node struct {
	kind       jsontext.Kind // '{', '[', '"', '0', 't', 'f' or 'n'
	text       string        // of a string
	number     float64
	fields     []field // of an object, or, unnamed, of a list
	start, end int64   // where it stands in the payload
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

// readTree reads one JSON object. It allows what phones have sent: names that stand twice and text that is no UTF-8.
func readTree(raw []byte) (*node, error) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	r := reader{decoder: decoder, source: string(raw)}
	top, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("no JSON at byte %d: %w", decoder.InputOffset(), err)
	}
	if _, err := decoder.ReadToken(); err != io.EOF {
		return nil, fmt.Errorf("no JSON at byte %d: something follows the payload", decoder.InputOffset())
	}
	if !top.isObject() {
		return nil, fmt.Errorf("a payload is a JSON object, this begins with %s", top.kind)
	}
	return top, nil
}

type reader struct {
	decoder *jsontext.Decoder
	source  string // the payload; texts without escapes are parts of it
	nodes   []node // nodes and fields are taken from slabs, since a payload has hundreds
	fields  []field
	open    []field // fields of the containers that are not closed yet
}

func (r *reader) node() *node {
	const slab = 128
	if len(r.nodes) == 0 {
		r.nodes = make([]node, slab)
	}
	n := &r.nodes[0]
	r.nodes = r.nodes[1:]
	return n
}

// close moves the fields opened since mark into a slice of their own.
func (r *reader) close(mark int) []field {
	const slab = 256
	count := len(r.open) - mark
	if count > len(r.fields) {
		r.fields = make([]field, max(slab, count))
	}
	closed := r.fields[:count:count]
	r.fields = r.fields[count:]
	copy(closed, r.open[mark:])
	r.open = r.open[:mark]
	return closed
}

// token reads the next token and says where it stands.
func (r *reader) token() (token jsontext.Token, start, end int64, err error) {
	start = r.decoder.InputOffset()
	if token, err = r.decoder.ReadToken(); err != nil {
		return token, 0, 0, err
	}
	for end = r.decoder.InputOffset(); start < end && strings.IndexByte(" \t\r\n,:", r.source[start]) >= 0; start++ {
	}
	return token, start, end, nil
}

// text returns a string token's text, as a part of the payload where it is written plainly.
func (r *reader) text(token jsontext.Token, start, end int64) string {
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
	n.kind, n.start, n.end = token.Kind(), start, end
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
			n.end = r.decoder.InputOffset()
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
