package dtx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxPending is how many fragmented messages may be under way at once on a connection.
const maxPending = 16

// header is the 32 bytes before every message and every fragment.
type header struct {
	index, count uint16 // fragment of fragments
	length       uint32 // bytes that follow; in the first of several fragments the length of the whole
	identifier   uint32
	conversation uint32
	channel      int32
	expectsReply bool
}

func (h header) append(out []byte) []byte {
	out = binary.LittleEndian.AppendUint32(out, magic)
	out = binary.LittleEndian.AppendUint32(out, headerBytes)
	out = binary.LittleEndian.AppendUint16(out, h.index)
	out = binary.LittleEndian.AppendUint16(out, h.count)
	out = binary.LittleEndian.AppendUint32(out, h.length)
	out = binary.LittleEndian.AppendUint32(out, h.identifier)
	out = binary.LittleEndian.AppendUint32(out, h.conversation)
	out = binary.LittleEndian.AppendUint32(out, uint32(h.channel))
	var reply uint32
	if h.expectsReply {
		reply = 1
	}
	return binary.LittleEndian.AppendUint32(out, reply)
}

func readHeader(r io.Reader) (header, error) {
	var b [headerBytes]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return header{}, err
	}
	if m := binary.LittleEndian.Uint32(b[:]); m != magic {
		return header{}, fmt.Errorf("dtx: message begins with %08x", m)
	}
	size := binary.LittleEndian.Uint32(b[4:])
	h := header{
		index: binary.LittleEndian.Uint16(b[8:]), count: binary.LittleEndian.Uint16(b[10:]),
		length: binary.LittleEndian.Uint32(b[12:]), identifier: binary.LittleEndian.Uint32(b[16:]),
		conversation: binary.LittleEndian.Uint32(b[20:]), channel: int32(binary.LittleEndian.Uint32(b[24:])),
		expectsReply: binary.LittleEndian.Uint32(b[28:]) != 0,
	}
	if size < headerBytes || size > 256 || h.count == 0 || h.index >= h.count {
		return header{}, fmt.Errorf("dtx: header of %d bytes for fragment %d of %d", size, h.index, h.count)
	}
	if h.length > MaxMessage {
		return header{}, fmt.Errorf("dtx: message of %d bytes, at most %d are taken", h.length, MaxMessage)
	}
	_, err := io.CopyN(io.Discard, r, int64(size-headerBytes)) // later versions may lengthen the header
	return h, err
}

// Append encodes the message. Where its body is longer than fragment bytes it is split: a first fragment of a header
// alone, then the pieces. Fragment 0 never splits.
func (m Message) Append(out []byte, fragment int) ([]byte, error) {
	body, err := m.body()
	if err != nil {
		return nil, err
	}
	if len(body) > MaxMessage {
		return nil, fmt.Errorf("dtx: message of %d bytes", len(body))
	}
	h := header{
		count: 1, length: uint32(len(body)), identifier: m.Identifier, conversation: m.Conversation, channel: m.Channel,
		expectsReply: m.ExpectsReply,
	}
	if fragment <= 0 || len(body) <= fragment {
		return append(h.append(out), body...), nil
	}
	pieces := (len(body) + fragment - 1) / fragment
	if pieces > 0xFFFE {
		return nil, fmt.Errorf("dtx: %d bytes in fragments of %d are too many", len(body), fragment)
	}
	h.count = uint16(pieces + 1)
	out = h.append(out)
	for len(body) > 0 {
		piece := body[:min(fragment, len(body))]
		h.index++
		h.length = uint32(len(piece))
		out = append(h.append(out), piece...)
		body = body[len(piece):]
	}
	return out, nil
}

// Reader reads messages and puts fragments together. It is not safe for concurrent use.
type Reader struct {
	r       io.Reader
	pending map[conversation]*partial
	bytes   int // held in pending
}

type conversation struct {
	channel                  int32
	identifier, conversation uint32
}

type partial struct {
	first header
	next  uint16
	body  []byte
}

// NewReader returns a reader of r, which should be buffered.
func NewReader(r io.Reader) *Reader { return &Reader{r: r, pending: map[conversation]*partial{}} }

// Next returns the next whole message. It returns io.EOF only between messages.
func (r *Reader) Next() (Message, error) {
	for {
		h, err := readHeader(r.r)
		if err != nil {
			return Message{}, err
		}
		if h.count > 1 && h.index == 0 {
			if err = r.begin(h); err != nil {
				return Message{}, err
			}
			continue
		}
		body, err := readBody(r.r, int(h.length))
		if err != nil {
			return Message{}, err
		}
		if h.count > 1 {
			if h, body, err = r.add(h, body); err != nil {
				return Message{}, err
			}
			if body == nil {
				continue
			}
		}
		m := Message{Identifier: h.identifier, Conversation: h.conversation, Channel: h.channel, ExpectsReply: h.expectsReply}
		return m, m.parseBody(body)
	}
}

// readBody reads n bytes, taking memory only as they arrive.
func readBody(r io.Reader, n int) ([]byte, error) {
	const step = 1 << 20
	body := make([]byte, 0, min(n, step))
	for len(body) < n {
		piece := min(n-len(body), step)
		at := len(body)
		body = append(body, make([]byte, piece)...)
		if _, err := io.ReadFull(r, body[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return body, nil
}

func (r *Reader) begin(h header) error {
	key := conversation{h.channel, h.identifier, h.conversation}
	if _, ok := r.pending[key]; ok || len(r.pending) >= maxPending {
		return fmt.Errorf("dtx: first fragment of message %d while %d are under way", h.identifier, len(r.pending))
	}
	r.pending[key] = &partial{first: h, next: 1}
	return nil
}

// add takes a later fragment; the body it returns is nil until the message is whole.
func (r *Reader) add(h header, piece []byte) (header, []byte, error) {
	key := conversation{h.channel, h.identifier, h.conversation}
	p, ok := r.pending[key]
	if !ok || h.index != p.next || h.count != p.first.count {
		return header{}, nil, fmt.Errorf("dtx: fragment %d of %d of message %d out of order", h.index, h.count, h.identifier)
	}
	if r.bytes += len(piece); r.bytes > MaxMessage {
		return header{}, nil, fmt.Errorf("dtx: fragments of more than %d bytes", MaxMessage)
	}
	p.body = append(p.body, piece...)
	if p.next++; p.next < p.first.count {
		return header{}, nil, nil
	}
	delete(r.pending, key)
	r.bytes -= len(p.body)
	if len(p.body) != int(p.first.length) || len(p.body) == 0 {
		return header{}, nil, fmt.Errorf("dtx: fragments of %d bytes for a message of %d", len(p.body), p.first.length)
	}
	return p.first, p.body, nil
}
