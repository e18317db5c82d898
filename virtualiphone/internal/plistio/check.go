package plistio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

var errShape = errors.New("damaged plist: nested or repeated beyond the limits")

// checkText bounds the nesting of an XML or old-style plist, because decoders recurse once per level.
func checkText(payload []byte) error {
	depth := 0
	xml := bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n\xef\xbb\xbf"), []byte("<"))
	for i, b := range payload {
		switch {
		case b == '(' || b == '{':
			if !xml { // in XML these are text
				depth++
			}
		case b == ')' || b == '}':
			if !xml {
				depth = max(0, depth-1)
			}
		case b == '<':
			if i+1 < len(payload) && payload[i+1] != '/' && payload[i+1] != '?' && payload[i+1] != '!' {
				depth++
			}
		case b == '/':
			// "</x" closes, and so does the end of "<x/>".
			closes := i > 0 && payload[i-1] == '<' || i+1 < len(payload) && payload[i+1] == '>'
			if closes {
				depth = max(0, depth-1)
			}
		}
		if depth > maxDepth {
			return errShape
		}
	}
	return nil
}

// checkBinary walks a binary plist's containers as a decoder would, and refuses one that grows too large: a few
// hundred bytes of shared references can otherwise expand to gigabytes.
func checkBinary(payload []byte) error {
	w, err := newWalker(payload)
	if err != nil {
		return err
	}
	return w.walk(w.top, 0)
}

type walker struct {
	payload            []byte
	offsetSize, refLen int
	objects, top       uint64
	table              uint64
	budget             int
}

func newWalker(payload []byte) (*walker, error) {
	const header, trailer = 8, 32
	if len(payload) < header+trailer {
		return nil, errors.New("damaged plist: too short")
	}
	end := payload[len(payload)-trailer:]
	w := &walker{
		payload:    payload[:len(payload)-trailer],
		offsetSize: int(end[6]),
		refLen:     int(end[7]),
		objects:    binary.BigEndian.Uint64(end[8:]),
		top:        binary.BigEndian.Uint64(end[16:]),
		table:      binary.BigEndian.Uint64(end[24:]),
		budget:     maxObjects,
	}
	room := uint64(len(w.payload))
	sizes := w.offsetSize >= 1 && w.offsetSize <= 8 && w.refLen >= 1 && w.refLen <= 8
	if !sizes || w.table > room || w.objects > (room-w.table)/uint64(w.offsetSize) {
		return nil, errors.New("damaged plist: bad trailer")
	}
	return w, nil
}

// number reads size bytes big endian at offset at.
func (w *walker) number(at uint64, size int) (uint64, bool) {
	if at > uint64(len(w.payload)) || uint64(size) > uint64(len(w.payload))-at {
		return 0, false
	}
	var n uint64
	for _, b := range w.payload[at : at+uint64(size)] {
		n = n<<8 | uint64(b)
	}
	return n, true
}

func (w *walker) walk(object uint64, depth int) error {
	if w.budget--; w.budget < 0 || depth > maxDepth {
		return errShape
	}
	if object >= w.objects {
		return fmt.Errorf("damaged plist: object %d of %d", object, w.objects)
	}
	at, ok := w.number(w.table+object*uint64(w.offsetSize), w.offsetSize)
	if !ok || at >= w.table {
		return errors.New("damaged plist: bad offset")
	}
	tag := w.payload[at]
	perEntry := map[byte]uint64{0xA0: 1, 0xC0: 1, 0xD0: 2}[tag&0xF0]
	if perEntry == 0 {
		return nil
	}
	count, first, ok := w.count(at)
	if !ok || count > uint64(len(w.payload)) {
		return errors.New("damaged plist: bad count")
	}
	for i := range count * perEntry {
		ref, ok := w.number(first+i*uint64(w.refLen), w.refLen)
		if !ok {
			return errors.New("damaged plist: bad reference")
		}
		if err := w.walk(ref, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// count reads a container's length: in the tag's low half, or as an integer object behind it.
func (w *walker) count(at uint64) (count, first uint64, ok bool) {
	if low := w.payload[at] & 0x0F; low != 0x0F {
		return uint64(low), at + 1, true
	}
	tag, ok := w.number(at+1, 1)
	if !ok || tag&0xF0 != 0x10 || tag&0x0F > 3 {
		return 0, 0, false
	}
	size := 1 << (tag & 0x0F)
	count, ok = w.number(at+2, size)
	return count, at + 2 + uint64(size), ok
}
