package afc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	afcwire "github.com/danielpaulus/go-ios/ios/afc"
)

// Operations that go-ios's list lacks.
const (
	opTruncate uint64 = 0x15 // by handle
	opSeek     uint64 = 0x11
	opTell     uint64 = 0x12
	opTellRes  uint64 = 0x13
	opRename   uint64 = 0x18
	opHash     uint64 = 0x1D // SHA-1 of a file; not on every version of iOS
)

const headerSize = int(afcwire.Afc_header_size)

// answer is one packet from the phone: the fixed arguments and the data after them.
type answer struct {
	op     uint64
	number uint64
	args   []byte
	data   []byte
}

// appendPacket appends a request: header and arguments. The data of a write follows it on the wire; only its length
// is needed here.
func appendPacket(b []byte, number, op uint64, args []byte, dataLen int) []byte {
	this := headerSize + len(args)
	for _, v := range []uint64{afcwire.Afc_magic, uint64(this + dataLen), uint64(this), number, op} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return append(b, args...)
}

// readAnswer reads one packet. It allocates as bytes arrive, not as they are announced.
func readAnswer(r io.Reader) (answer, error) {
	var head [40]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return answer{}, err
	}
	field := func(i int) uint64 { return binary.LittleEndian.Uint64(head[8*i:]) }
	if field(0) != afcwire.Afc_magic {
		return answer{}, fmt.Errorf("AFC out of step: magic %#x", field(0))
	}
	entire, this := field(1), field(2)
	if this < uint64(headerSize) || entire < this || entire > maxAnswer {
		return answer{}, fmt.Errorf("AFC answer of %d bytes, %d of them header", entire, this)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(entire)-int64(headerSize)))
	if err != nil {
		return answer{}, err
	}
	if len(body) < int(entire)-headerSize {
		return answer{}, io.ErrUnexpectedEOF
	}
	split := int(this) - headerSize
	return answer{op: field(4), number: field(3), args: body[:split], data: body[split:]}, nil
}

// status returns the error that a status answer stands for.
func (a answer) status() error {
	if a.op != afcwire.Afc_operation_status {
		return nil
	}
	code, err := a.value()
	if err != nil {
		return err
	}
	if code == 0 {
		return nil
	}
	return Status(code)
}

// value is the eight-byte argument of a status, an open or a tell answer. Some put it behind the header, some into
// the data.
func (a answer) value() (uint64, error) {
	for _, b := range [][]byte{a.args, a.data} {
		if len(b) >= 8 {
			return binary.LittleEndian.Uint64(b), nil
		}
	}
	return 0, errors.New("AFC answer without its value")
}

func words(v ...uint64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func cstring(s string) []byte { return append([]byte(s), 0) }
