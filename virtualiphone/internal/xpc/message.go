package xpc

import (
	"encoding/binary"
	"fmt"
)

const (
	wrapperMagic = 0x29B00B92
	wrapperBytes = 24
	bodyMagic    = 0x42133742
	bodyVersion  = 5
	// MaxBody is the longest message body that is read.
	MaxBody = 16 << 20
)

// Flags of a message.
const (
	FlagAlways    = 0x00000001 // set in every message
	FlagOpen      = 0x00000200 // ends the opening of the first stream
	FlagData      = 0x00000100 // there is a body
	FlagWantReply = 0x00010000
	FlagReply     = 0x00020000
	FlagFileOpen  = 0x00100000
	FlagInit      = 0x00400000 // opens the second stream
)

// Message is one RemoteXPC message. A nil body is absent, an empty one is sent as an empty dictionary.
type Message struct {
	Flags uint32
	ID    uint64 // a reply has the ID of its request
	Body  map[string]any
}

// Append encodes the message.
func (m Message) Append(out []byte) ([]byte, error) {
	le := binary.LittleEndian
	out = le.AppendUint32(out, wrapperMagic)
	out = le.AppendUint32(out, m.Flags)
	at := len(out)
	out = le.AppendUint64(le.AppendUint64(out, 0), m.ID)
	if m.Body == nil {
		return out, nil
	}
	begin := len(out)
	out = le.AppendUint32(le.AppendUint32(out, bodyMagic), bodyVersion)
	out, err := appendMap(out, m.Body, 0)
	if err != nil {
		return nil, err
	}
	le.PutUint64(out[at:], uint64(len(out)-begin))
	return out, nil
}

// Parse reads a message off the front of b and returns the rest. The message is not whole yet where ok is false.
func Parse(b []byte) (m Message, rest []byte, ok bool, err error) {
	if len(b) < wrapperBytes {
		return Message{}, b, false, nil
	}
	le := binary.LittleEndian
	if magic := le.Uint32(b); magic != wrapperMagic {
		return Message{}, nil, false, fmt.Errorf("xpc: message begins with %08x", magic)
	}
	m.Flags, m.ID = le.Uint32(b[4:]), le.Uint64(b[16:])
	length := le.Uint64(b[8:])
	if length > MaxBody {
		return Message{}, nil, false, fmt.Errorf("xpc: body of %d bytes, at most %d are taken", length, MaxBody)
	}
	if uint64(len(b)-wrapperBytes) < length {
		return Message{}, b, false, nil
	}
	rest = b[wrapperBytes+length:]
	if length == 0 {
		return m, rest, true, nil
	}
	m.Body, err = parseBody(b[wrapperBytes : wrapperBytes+length])
	return m, rest, err == nil, err
}

func parseBody(b []byte) (map[string]any, error) {
	if len(b) < 8 || binary.LittleEndian.Uint32(b) != bodyMagic || binary.LittleEndian.Uint32(b[4:]) != bodyVersion {
		return nil, fmt.Errorf("xpc: body of %d bytes without its magic", len(b))
	}
	d := decoder{append([]byte(nil), b[8:]...)} // values must not alias the stream's buffer
	v, err := d.value(0)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("xpc: body of type %T", v)
	}
	return m, d.atEnd()
}
