// Package plistio frames property lists as lockdownd and most lockdown services do: four bytes of length, big endian,
// then the list. In comes a stream, out come values. It never reads more than MaxFrame for one list, whatever the
// other side claims.
package plistio

import (
	"encoding/binary"
	"fmt"
	"io"

	"howett.net/plist"
)

// MaxFrame is the longest list accepted, in bytes. The longest known one is the list of all apps of a full phone,
// some megabytes.
const MaxFrame = 64 << 20

// Write sends v as one XML list.
func Write(w io.Writer, v any) error {
	text, err := plist.Marshal(v, plist.XMLFormat)
	if err != nil {
		return fmt.Errorf("encode property list: %w", err)
	}
	frame := make([]byte, 4, 4+len(text))
	binary.BigEndian.PutUint32(frame, uint32(len(text)))
	_, err = w.Write(append(frame, text...)) // one write: some services answer after the first segment
	return err
}

// Read receives one list, XML or binary, into v.
func Read(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size == 0 || size > MaxFrame {
		return fmt.Errorf("property list of %d bytes announced, at most %d accepted", size, MaxFrame)
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size))) // grows with what arrives, not with what is announced
	if err != nil {
		return err
	}
	if len(text) < int(size) {
		return io.ErrUnexpectedEOF
	}
	if err := decode(text, v); err != nil {
		return fmt.Errorf("decode property list of %d bytes: %w", size, err)
	}
	return nil
}

// decode turns the parser's panics on malformed lists into errors.
func decode(text []byte, v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed: %v", p)
		}
	}()
	_, err = plist.Unmarshal(text, v)
	return err
}

// Ask writes a request and reads its one answer.
func Ask(rw io.ReadWriter, request, answer any) error {
	if err := Write(rw, request); err != nil {
		return err
	}
	return Read(rw, answer)
}
