// Package afc is the Apple File Conduit: the file service of an iPhone, over a folder of this host that it cannot
// leave. In come requests of a host, out go answers; file contents are streamed in both directions and never held
// whole. It decides nothing about who may reach which folder.
package afc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Operation numbers of AFC.
const (
	opStatus         = 0x01
	opData           = 0x02
	opReadDir        = 0x03
	opTruncate       = 0x07
	opRemove         = 0x08
	opMakeDir        = 0x09
	opFileInfo       = 0x0A
	opDeviceInfo     = 0x0B
	opOpen           = 0x0D
	opOpenResult     = 0x0E
	opRead           = 0x0F
	opWrite          = 0x10
	opSeek           = 0x11
	opTell           = 0x12
	opTellResult     = 0x13
	opClose          = 0x14
	opSetSize        = 0x15
	opRename         = 0x18
	opLock           = 0x1B
	opLink           = 0x1C
	opSetTime        = 0x1E
	opRemoveContents = 0x22
)

// Status is an AFC result code.
type status uint64

const (
	statusOK          status = 0
	statusUnknown     status = 1
	statusHeader      status = 2
	statusNoResources status = 3
	statusBadArgument status = 7
	statusNotFound    status = 8
	statusIsDir       status = 9
	statusDenied      status = 10
	statusEndOfData   status = 14
	statusUnsupported status = 15
	statusExists      status = 16
	statusBusy        status = 17
	statusNoSpace     status = 18
	statusIO          status = 20
	statusDirNotEmpty status = 33
	headerSize               = 40
	maxParams                = 64 << 10 // bytes of a request's own fields; the longest are two paths
	maxPath                  = 4096
	maxHandles               = 512
	readLimit                = 4 << 20 // largest answer to one read; hosts ask again for the rest
	firstHandle              = 0x0100  // above one byte, so that a client which truncates handles is found out
	discardLimit      uint64 = 1 << 40
)

var magic = [8]byte{'C', 'F', 'A', '6', 'L', 'P', 'A', 'A'}

// header is a packet's head: five little-endian words, the first of them the magic.
type header struct {
	entire uint64 // bytes of the packet, header and payload included
	this   uint64 // bytes of header and parameters; the payload follows
	number uint64 // the host counts; answers repeat it
	op     uint64
}

var errFrame = errors.New("no AFC packet")

// readHeader reads and checks a packet's head. The payload may be of any length: it is never held.
func readHeader(r io.Reader) (header, error) {
	var raw [headerSize]byte
	if _, err := io.ReadFull(r, raw[:]); err != nil {
		return header{}, err
	}
	if !bytes.Equal(raw[:8], magic[:]) {
		return header{}, fmt.Errorf("%w: magic % x", errFrame, raw[:8])
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(raw[8*i:]) }
	h := header{entire: word(1), this: word(2), number: word(3), op: word(4)}
	if h.this < headerSize || h.this > headerSize+maxParams || h.entire < h.this || h.entire > discardLimit {
		return header{}, fmt.Errorf("%w: %d bytes of which %d head", errFrame, h.entire, h.this)
	}
	return h, nil
}

// request is a packet's head with its parameters.
type request struct {
	header
	params []byte
}

// payload is the number of bytes that follow the parameters.
func (r request) payload() int64 { return int64(r.entire - r.this) }

func readRequest(r io.Reader) (request, error) {
	h, err := readHeader(r)
	if err != nil {
		return request{}, err
	}
	params := make([]byte, h.this-headerSize)
	if _, err := io.ReadFull(r, params); err != nil {
		return request{}, err
	}
	return request{h, params}, nil
}

// words reads n 64-bit parameters.
func (r request) words(n int) ([]uint64, bool) {
	if len(r.params) < 8*n {
		return nil, false
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(r.params[8*i:])
	}
	return out, true
}

// paths reads n paths behind skip bytes. Hosts end each with a zero byte, or leave out the last one's.
func (r request) paths(skip, n int) ([]string, bool) {
	if len(r.params) < skip {
		return nil, false
	}
	rest := r.params[skip:]
	out := make([]string, n)
	for i := range out {
		text, after, ended := bytes.Cut(rest, []byte{0})
		if len(text) > maxPath || !ended && i < n-1 {
			return nil, false
		}
		out[i], rest = string(text), after
	}
	return out, true
}

// answer builds a packet whose first word-sized parameters count as head, and whose data counts as payload.
func answer(number, op uint64, params, data []byte) []byte {
	this := headerSize + len(params)
	packet := make([]byte, headerSize, this+len(data))
	copy(packet, magic[:])
	for i, word := range []uint64{uint64(this + len(data)), uint64(this), number, op} {
		binary.LittleEndian.PutUint64(packet[8*(i+1):], word)
	}
	return append(append(packet, params...), data...)
}

func word(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// list joins texts as AFC sends them, each ending in a zero byte.
func list(texts ...string) []byte {
	var out []byte
	for _, t := range texts {
		out = append(append(out, t...), 0)
	}
	return out
}
