// Package dtx is Apple's DTX remote calls, from the phone's side: messages with their fragments, and a server that
// gives each requested channel to a service. Bytes of a host come in, method calls go to the service, replies and
// events go back. It knows no channel's meaning, starts nothing, and trusts no length that it reads.
package dtx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
)

const (
	magic         = 0x1F3D5B79 // read little-endian; 79 5B 3D 1F on the wire
	headerBytes   = 32
	payloadHeader = 16
	auxHeader     = 16
	auxBuffer     = 0x1F0 // what Apple's clients write as the auxiliary's buffer size; nobody reads it

	// MaxMessage is the longest message that is put together from fragments: a launch with a full environment fits
	// many times over.
	MaxMessage = 32 << 20
)

// Type says what a message is.
type Type uint32

const (
	TypeAck    Type = 0 // a reply without a value
	TypeObject Type = 1 // an object that no call asked for
	TypeCall   Type = 2
	TypeReply  Type = 3
	TypeError  Type = 4 // a reply whose value is an NSError
)

// Message is one DTX message, put together from its fragments.
type Message struct {
	Identifier   uint32 // chosen by the side that begins the conversation
	Conversation uint32 // 0 for a call, 1 for its reply
	Channel      int32  // the client's code; the phone sends its own events on the negated code
	ExpectsReply bool
	Type         Type
	Aux          []any  // arguments: nil, string, []byte (an archive), int32 or int64
	Payload      []byte // an archive: the selector of a call, the value of a reply
}

// flagExpectsReply is set beside the type by some clients; what counts is the header's own field.
const flagExpectsReply = 0x1000

// The types of an auxiliary's entries.
const (
	auxString = 1
	auxBytes  = 2
	auxInt32  = 3
	auxUint64 = 4
	auxInt64  = 6
	auxNull   = 10
)

// body encodes everything behind the header.
func (m Message) body() ([]byte, error) {
	aux, err := appendAux(nil, m.Aux)
	if err != nil {
		return nil, err
	}
	auxLength := len(aux)
	if auxLength > 0 {
		auxLength += auxHeader
	}
	out := make([]byte, 0, payloadHeader+auxLength+len(m.Payload))
	out = binary.LittleEndian.AppendUint32(out, uint32(m.Type))
	out = binary.LittleEndian.AppendUint32(out, uint32(auxLength))
	out = binary.LittleEndian.AppendUint64(out, uint64(auxLength+len(m.Payload)))
	if auxLength > 0 {
		out = binary.LittleEndian.AppendUint64(out, auxBuffer)
		out = binary.LittleEndian.AppendUint64(out, uint64(len(aux)))
		out = append(out, aux...)
	}
	return append(out, m.Payload...), nil
}

func appendAux(out []byte, entries []any) ([]byte, error) {
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint32(out, auxNull) // the key: the dictionary is used as a list
		switch e := e.(type) {
		case nil:
			out = binary.LittleEndian.AppendUint32(out, auxNull)
		case string:
			out = binary.LittleEndian.AppendUint32(out, auxString)
			out = append(binary.LittleEndian.AppendUint32(out, uint32(len(e))), e...)
		case []byte:
			out = binary.LittleEndian.AppendUint32(out, auxBytes)
			out = append(binary.LittleEndian.AppendUint32(out, uint32(len(e))), e...)
		case int32:
			out = binary.LittleEndian.AppendUint32(out, auxInt32)
			out = binary.LittleEndian.AppendUint32(out, uint32(e))
		case int64:
			out = binary.LittleEndian.AppendUint32(out, auxInt64)
			out = binary.LittleEndian.AppendUint64(out, uint64(e))
		default:
			return nil, fmt.Errorf("dtx: no auxiliary type for %T", e)
		}
	}
	return out, nil
}

// parseBody reads what body wrote into m.
func (m *Message) parseBody(b []byte) error {
	if len(b) < payloadHeader {
		return fmt.Errorf("dtx: body of %d bytes", len(b))
	}
	m.Type = Type(binary.LittleEndian.Uint32(b) & 0xFF)
	if flags := binary.LittleEndian.Uint32(b) &^ 0xFF; flags&^flagExpectsReply != 0 {
		return fmt.Errorf("dtx: message type with flags %#x; compression is not understood", flags)
	}
	auxLength, total := uint64(binary.LittleEndian.Uint32(b[4:])), uint64(binary.LittleEndian.Uint32(b[8:]))
	b = b[payloadHeader:]
	if total != uint64(len(b)) || auxLength > total {
		return fmt.Errorf("dtx: payload header says %d of %d bytes, %d are there", auxLength, total, len(b))
	}
	aux := b[:auxLength]
	m.Payload = b[auxLength:]
	if auxLength == 0 {
		return nil
	}
	if auxLength < auxHeader || binary.LittleEndian.Uint64(aux[8:]) != auxLength-auxHeader {
		return errors.New("dtx: auxiliary header does not fit the auxiliary")
	}
	var err error
	m.Aux, err = parseAux(aux[auxHeader:])
	return err
}

func parseAux(b []byte) ([]any, error) {
	var entries []any
	for len(b) > 0 {
		_, rest, err := auxEntry(b) // the key
		if err != nil {
			return nil, err
		}
		value, rest, err := auxEntry(rest)
		if err != nil {
			return nil, err
		}
		entries, b = append(entries, value), rest
	}
	return entries, nil
}

func auxEntry(b []byte) (any, []byte, error) {
	if len(b) < 4 {
		return nil, nil, errors.New("dtx: auxiliary ends within an entry")
	}
	kind, b := binary.LittleEndian.Uint32(b), b[4:]
	switch {
	case kind == auxNull:
		return nil, b, nil
	case kind == auxInt32 && len(b) >= 4:
		return int32(binary.LittleEndian.Uint32(b)), b[4:], nil
	case (kind == auxInt64 || kind == auxUint64) && len(b) >= 8:
		return int64(binary.LittleEndian.Uint64(b)), b[8:], nil
	case (kind == auxString || kind == auxBytes) && len(b) >= 4:
		n := uint64(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > uint64(len(b)) {
			return nil, nil, fmt.Errorf("dtx: auxiliary entry of %d bytes, %d are there", n, len(b))
		}
		if kind == auxString {
			return string(b[:n]), b[n:], nil
		}
		return b[:n:n], b[n:], nil
	}
	return nil, nil, fmt.Errorf("dtx: auxiliary entry of type %d cut off or unknown", kind)
}

// NewCall returns a call of a selector with arguments, each archived.
func NewCall(selector string, args ...any) (Message, error) {
	payload, err := nskeyed.Archive(selector)
	if err != nil {
		return Message{}, err
	}
	m := Message{Type: TypeCall, Payload: payload}
	for _, a := range args {
		archived, err := nskeyed.Archive(a)
		if err != nil {
			return Message{}, err
		}
		m.Aux = append(m.Aux, archived)
	}
	return m, nil
}

// Call is a method call with its arguments unarchived.
type Call struct {
	Selector string
	Args     []any
}

// Call reads the message as a method call.
func (m Message) Call() (Call, error) {
	v, err := nskeyed.Unarchive(m.Payload)
	if err != nil {
		return Call{}, err
	}
	c := Call{Args: make([]any, len(m.Aux))}
	var ok bool
	if c.Selector, ok = v.(string); !ok {
		return Call{}, fmt.Errorf("dtx: selector of type %T", v)
	}
	for i, a := range m.Aux {
		switch a := a.(type) {
		case []byte:
			if c.Args[i], err = nskeyed.Unarchive(a); err != nil {
				return Call{}, fmt.Errorf("dtx: argument %d of %s: %w", i, c.Selector, err)
			}
		case int32:
			c.Args[i] = int64(a)
		default:
			c.Args[i] = a
		}
	}
	return c, nil
}

// String returns argument i as a string, or an error that names it.
func (c Call) String(i int) (string, error) { return arg[string](c, i) }

// Map returns argument i as a dictionary; an absent or null one is empty.
func (c Call) Map(i int) (map[string]any, error) {
	if c.absent(i) {
		return map[string]any{}, nil
	}
	return arg[map[string]any](c, i)
}

// List returns argument i as an array; an absent or null one is empty.
func (c Call) List(i int) ([]any, error) {
	if c.absent(i) {
		return nil, nil
	}
	return arg[[]any](c, i)
}

// PID returns argument i as a process id: a positive number that fits 32 bits.
func (c Call) PID(i int) (int, error) {
	if i < len(c.Args) {
		if n, ok := nskeyed.Int(c.Args[i]); ok && n > 0 && n <= math.MaxInt32 {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("%s: argument %d is no process id", c.Selector, i)
}

func (c Call) absent(i int) bool {
	if i >= len(c.Args) || c.Args[i] == nil {
		return true
	}
	_, null := c.Args[i].(nskeyed.Null)
	return null
}

func arg[T any](c Call, i int) (T, error) {
	var zero T
	if i >= len(c.Args) {
		return zero, fmt.Errorf("%s: argument %d is missing", c.Selector, i)
	}
	v, ok := c.Args[i].(T)
	if !ok {
		return zero, fmt.Errorf("%s: argument %d is of type %T", c.Selector, i, c.Args[i])
	}
	return v, nil
}
