package dtxclient

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	dtx "github.com/danielpaulus/go-ios/ios/dtx_codec"
	"github.com/danielpaulus/go-ios/ios/nskeyedarchiver"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// maxMessage is the longest message accepted, in bytes. A sysmontap sample of a phone with a thousand processes is
// under one megabyte.
const maxMessage = 64 << 20

// maxPartial is how many fragmented messages may be under way at once.
const maxPartial = 64

const dtxHeader = int(dtx.DtxMessageHeaderLength)

// encode makes the bytes of a method call.
func encode(id, channel int, wantsAnswer bool, selector string, args []any) (b []byte, err error) {
	err = guard.Recover(func() (err error) { // the archiver panics on types that it does not know
		arguments := dtx.NewPrimitiveDictionary()
		for _, a := range args {
			if n, ok := a.(int32); ok {
				arguments.AddInt32(int(n))
				continue
			}
			arguments.AddNsKeyedArchivedObject(a)
		}
		name, err := nskeyedarchiver.ArchiveBin(selector)
		if err != nil {
			return err
		}
		b, err = dtx.Encode(id, 0, channel, wantsAnswer, dtx.Methodinvocation, name, arguments)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("encode call of %s: %w", selector, err)
	}
	return b, nil
}

// assembler reads messages and puts fragments together. Fragments of different messages may be interleaved.
type assembler struct {
	partial map[uint32][]byte // by message identifier: header and what has come
	held    int               // bytes in partial
}

// next reads until one message is whole.
func (a *assembler) next(r io.Reader) ([]byte, error) {
	for {
		head := make([]byte, dtxHeader)
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, err
		}
		if binary.BigEndian.Uint32(head) != dtx.DtxMessageMagic {
			return nil, fmt.Errorf("out of step: magic %x", head[:4])
		}
		if n := binary.LittleEndian.Uint32(head[4:]); n != dtx.DtxMessageHeaderLength {
			return nil, fmt.Errorf("header of %d bytes, want %d", n, dtxHeader)
		}
		index, count := binary.LittleEndian.Uint16(head[8:]), binary.LittleEndian.Uint16(head[10:])
		length := binary.LittleEndian.Uint32(head[12:])
		if length > maxMessage {
			return nil, fmt.Errorf("message of %d bytes announced", length)
		}
		if count > 1 && index == 0 { // says only how long the whole will be
			if err := a.begin(head); err != nil {
				return nil, err
			}
			continue
		}
		body, err := io.ReadAll(io.LimitReader(r, int64(length)))
		if err != nil {
			return nil, err
		}
		if len(body) < int(length) {
			return nil, io.ErrUnexpectedEOF
		}
		if count <= 1 {
			return append(head, body...), nil
		}
		if whole, err := a.add(head, body, index+1 == count); err != nil {
			return nil, err
		} else if whole != nil {
			return whole, nil
		}
	}
}

func (a *assembler) begin(head []byte) error {
	if a.partial == nil {
		a.partial = map[uint32][]byte{}
	}
	if len(a.partial) >= maxPartial {
		return fmt.Errorf("%d fragmented messages at once", len(a.partial))
	}
	first := append([]byte(nil), head...)
	binary.LittleEndian.PutUint16(first[8:], 0)
	binary.LittleEndian.PutUint16(first[10:], 1)
	a.partial[binary.LittleEndian.Uint32(head[16:])] = first
	return nil
}

func (a *assembler) add(head, body []byte, last bool) ([]byte, error) {
	id := binary.LittleEndian.Uint32(head[16:])
	so, ok := a.partial[id]
	if !ok {
		return nil, fmt.Errorf("fragment of message %d, which never began", id)
	}
	a.held += len(body)
	if a.held > maxMessage {
		return nil, fmt.Errorf("fragments of %d bytes", a.held)
	}
	so = append(so, body...)
	if !last {
		a.partial[id] = so
		return nil, nil
	}
	delete(a.partial, id)
	a.held -= len(so) - dtxHeader
	if announced := binary.LittleEndian.Uint32(so[12:]); int(announced) != len(so)-dtxHeader {
		return nil, fmt.Errorf("fragments of %d bytes where %d were announced", len(so)-dtxHeader, announced)
	}
	return so, nil
}

// decode decodes one whole message. With an error the header's fields are set all the same.
func decode(b []byte) (dtx.Message, error) {
	var m dtx.Message
	err := guard.Recover(func() error {
		if err := plausible(b); err != nil {
			return err
		}
		var err error
		m, _, err = dtx.DecodeNonBlocking(withoutEmptyArguments(b))
		return err
	})
	if err != nil {
		field := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
		header := dtx.Message{
			Identifier: int(field(16)), ConversationIndex: int(field(20)), ChannelCode: int(field(24)), ExpectsReply: field(28) == 1,
		}
		return header, fmt.Errorf("decode message of %d bytes: %w", len(b), err)
	}
	return m, nil
}

// withoutEmptyArguments removes a list of arguments that has a header and no entry; the library panics on it.
func withoutEmptyArguments(b []byte) []byte {
	if binary.LittleEndian.Uint32(b[36:]) != 16 {
		return b
	}
	out := append(append([]byte(nil), b[:48]...), b[64:]...)
	for _, at := range []int{12, 36, 40} { // message length, arguments, payload
		binary.LittleEndian.PutUint32(out[at:], binary.LittleEndian.Uint32(b[at:])-16)
	}
	return out
}

// plausible checks the lengths inside the message, which the library trusts.
func plausible(b []byte) error {
	if len(b) < dtxHeader+16 {
		return errors.New("no payload header")
	}
	if n := int(binary.LittleEndian.Uint32(b[12:])); n != len(b)-dtxHeader {
		return fmt.Errorf("%d bytes where %d were announced", len(b)-dtxHeader, n)
	}
	aux, total := binary.LittleEndian.Uint32(b[36:]), binary.LittleEndian.Uint32(b[40:])
	if int64(total) > int64(len(b)-dtxHeader-16) || aux > total || (aux > 0 && aux < 16) {
		return fmt.Errorf("lengths disagree: arguments %d, payload %d of %d", aux, total, len(b)-dtxHeader-16)
	}
	return nil
}

// event decodes what the phone sent on its own. Channels that we opened come back with their code negated.
func event(m dtx.Message) Event {
	e := Event{Channel: -int(int32(uint32(m.ChannelCode)))}
	payload := object(m)
	if m.PayloadHeader.MessageType == dtx.Methodinvocation {
		if name, ok := payload.(string); ok {
			e.Selector = name
			e.Args = arguments(m)
			return e
		}
	}
	e.Payload = payload
	return e
}

// object is the message's payload. Objects of type 1 are archived like all others; the library leaves them as bytes.
func object(m dtx.Message) any {
	if len(m.Payload) == 0 {
		return nil
	}
	if b, ok := m.Payload[0].([]byte); ok && m.PayloadHeader.MessageType == dtx.UnknownTypeOne {
		if v, err := unarchive(b); err == nil {
			return v
		}
	}
	return plain(m.Payload[0])
}

// arguments decodes a call's arguments; one that cannot be decoded stays bytes.
func arguments(m dtx.Message) []any {
	var out []any
	for _, a := range m.Auxiliary.GetArguments() {
		if b, ok := a.([]byte); ok {
			if v, err := unarchive(b); err == nil {
				a = v
			}
		}
		out = append(out, a)
	}
	return out
}

func unarchive(b []byte) (any, error) {
	v, err := nskeyedarchiver.Unarchive(b) // recovers by itself
	if err != nil {
		return nil, err
	}
	if len(v) == 0 {
		return nil, nil
	}
	return plain(v[0]), nil
}

// plain makes the library's stand-in for a null a nil.
func plain(v any) any {
	if _, ok := v.(nskeyedarchiver.NSNull); ok {
		return nil
	}
	return v
}

// result is an answer's value or error.
func result(m dtx.Message) (any, error) {
	v := object(m)
	if !m.HasError() {
		return v, nil
	}
	if e, ok := v.(nskeyedarchiver.NSError); ok {
		text, _ := e.UserInfo["NSLocalizedDescription"].(string)
		return nil, &Error{Domain: e.Domain, Code: int64(e.ErrorCode), Text: text}
	}
	return nil, &Error{Domain: "DTX", Text: fmt.Sprint(v)}
}
