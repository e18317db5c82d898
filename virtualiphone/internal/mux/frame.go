package mux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

const (
	headerSize   = 16
	plistVersion = 1
	plistMessage = 8
	maxRequest   = 1 << 20 // SavePairRecord, the largest request, carries about 10 kB
)

// errVersion is a frame of another protocol version: the binary one of before 2009, or no usbmux at all.
var errVersion = errors.New("usbmux frame of another protocol version")

// readFrame reads one request: a header of four little-endian words (length with header, version, message, tag), then
// an XML plist.
func readFrame(r io.Reader) (tag uint32, request plistio.Dict, err error) {
	var header [headerSize]byte
	if _, err = io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(header[4*i:]) }
	size, tag := word(0), word(3)
	if size < headerSize || size > maxRequest {
		return tag, nil, fmt.Errorf("usbmux frame of %d bytes", size)
	}
	payload := make([]byte, size-headerSize)
	if _, err = io.ReadFull(r, payload); err != nil {
		return tag, nil, err
	}
	if word(1) != plistVersion || word(2) != plistMessage {
		return tag, nil, errVersion
	}
	request, err = plistio.Decode(payload)
	return tag, request, err
}

// writeFrame writes one message in one write, so that concurrent events and answers never mix.
func writeFrame(w io.Writer, tag uint32, message map[string]any) error {
	payload, err := plistio.Encode(message)
	if err != nil {
		return err
	}
	frame := make([]byte, headerSize, headerSize+len(payload))
	for i, word := range []uint32{uint32(headerSize + len(payload)), plistVersion, plistMessage, tag} {
		binary.LittleEndian.PutUint32(frame[4*i:], word)
	}
	_, err = w.Write(append(frame, payload...))
	return err
}
