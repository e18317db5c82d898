// Package plistio frames property lists as the classic iPhone services do: four bytes of length, big endian, then an
// XML or binary plist. In come a host's bytes, out go dictionaries; sizes, nesting and expansion are bounded before
// anything is decoded, and no input makes it panic. It knows no service.
package plistio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"howett.net/plist"
)

// Limits of one frame that a host may send.
const (
	MaxFrame   = 4 << 20 // bytes; a pair record is 10 kB, an installation request a few hundred bytes
	maxDepth   = 64      // nested containers
	maxObjects = 1 << 17 // values after shared references are followed
)

// ErrTooLarge says that a frame exceeds its limit.
var ErrTooLarge = errors.New("plist frame too large")

// Conn sends and receives framed plists. One goroutine receives; any may send.
type Conn struct {
	stream io.ReadWriter
	limit  int
	format atomic.Int64 // format of the last frame received, so that answers come in the host's own
	out    sync.Mutex   // held while a frame is written
}

// New frames plists over stream. Frames above MaxFrame are refused.
func New(stream io.ReadWriter) *Conn {
	c := &Conn{stream: stream, limit: MaxFrame}
	c.format.Store(plist.XMLFormat)
	return c
}

// Switch goes on over another stream, as where TLS begins or ends. Nobody may send or receive meanwhile.
func (c *Conn) Switch(stream io.ReadWriter) { c.stream = stream }

// Receive reads one frame that holds a dictionary. io.EOF means that the host closed between frames.
func (c *Conn) Receive() (Dict, error) {
	payload, err := ReadFrame(c.stream, c.limit)
	if err != nil {
		return nil, err
	}
	value, format, err := decode(payload)
	if err != nil {
		return nil, err
	}
	dict, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("plist frame holds %T, not a dictionary", value)
	}
	c.format.Store(int64(format))
	return dict, nil
}

// Send writes one frame in the format in which the host spoke last, XML before it spoke.
func (c *Conn) Send(value any) error {
	payload, err := plist.Marshal(value, int(c.format.Load()))
	if err != nil {
		return fmt.Errorf("encode plist: %w", err)
	}
	c.out.Lock()
	defer c.out.Unlock()
	return WriteFrame(c.stream, payload)
}

// ReadFrame reads one length-prefixed payload of at most limit bytes.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if int64(size) > int64(limit) {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, limit)
	}
	return readExactly(r, int(size))
}

// readExactly grows with what arrives: a length field alone must not cost memory.
func readExactly(r io.Reader, size int) ([]byte, error) {
	const step = 64 << 10
	if size <= step {
		payload := make([]byte, size)
		_, err := io.ReadFull(r, payload)
		return payload, truncated(err)
	}
	var buffer bytes.Buffer
	if _, err := io.CopyN(&buffer, r, int64(size)); err != nil {
		return nil, truncated(err)
	}
	return buffer.Bytes(), nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// WriteFrame writes payload behind its length, in one write.
func WriteFrame(w io.Writer, payload []byte) error {
	frame := make([]byte, 4+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	copy(frame[4:], payload)
	_, err := w.Write(frame)
	return err
}

// Decode decodes an XML or binary plist that holds a dictionary.
func Decode(payload []byte) (Dict, error) {
	value, _, err := decode(payload)
	if err != nil {
		return nil, err
	}
	dict, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("plist holds %T, not a dictionary", value)
	}
	return dict, nil
}

// Encode gives value as an XML plist.
func Encode(value any) ([]byte, error) {
	payload, err := plist.MarshalIndent(value, plist.XMLFormat, "\t")
	if err != nil {
		return nil, fmt.Errorf("encode plist: %w", err)
	}
	return payload, nil
}

// decode checks the payload's shape first, then decodes. The library panics on some damaged input: that is an error here.
func decode(payload []byte) (value any, format int, err error) {
	defer func() {
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("damaged plist: %v", r)
		}
	}()
	if bytes.HasPrefix(payload, []byte("bplist")) {
		err = checkBinary(payload)
	} else {
		err = checkText(payload)
	}
	if err != nil {
		return nil, 0, err
	}
	format, err = plist.Unmarshal(payload, &value)
	if err != nil {
		return nil, 0, fmt.Errorf("damaged plist: %w", err)
	}
	if format != plist.BinaryFormat {
		format = plist.XMLFormat // the old text formats are read but never spoken
	}
	return value, format, nil
}
