package afc

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	afcwire "github.com/danielpaulus/go-ios/ios/afc"
)

// fakePhone answers AFC requests from files in memory. Its codec is written here, apart from the client's.
type fakePhone struct {
	mu      sync.Mutex
	files   map[string][]byte
	handles map[uint64]*fakeHandle
	free    int64 // bytes that may still be written; negative: no limit
	cutAt   int   // closes the connection after that many writes; 0: never
	writes  int
	mute    bool // takes requests and answers none
}

type fakeHandle struct {
	path string
	at   int64
}

func newFakePhone() *fakePhone {
	return &fakePhone{files: map[string][]byte{}, handles: map[uint64]*fakeHandle{}, free: -1}
}

// dial returns a client of the phone.
func (p *fakePhone) dial(t *testing.T) *Client {
	t.Helper()
	here, there := net.Pipe()
	go p.serve(there)
	c := New(here)
	t.Cleanup(func() { c.Close(); there.Close() })
	return c
}

func (p *fakePhone) serve(conn net.Conn) {
	defer conn.Close()
	answers := make(chan []byte, 64) // the phone reads on while the host does not
	defer close(answers)
	go func() {
		for a := range answers {
			conn.Write(a)
		}
	}()
	for {
		head := make([]byte, 40)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		u := func(i int) uint64 { return binary.LittleEndian.Uint64(head[8*i:]) }
		body := make([]byte, u(1)-40)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		args := body[:u(2)-40]
		op, result, data := p.handle(u(4), args, body[u(2)-40:])
		if op == 0 {
			return
		}
		if p.mute {
			continue
		}
		out := []byte("CFA6LPAA")
		for _, v := range []int{40 + len(result) + len(data), 40 + len(result)} {
			out = binary.LittleEndian.AppendUint64(out, uint64(v))
		}
		out = binary.LittleEndian.AppendUint64(out, u(3))
		out = binary.LittleEndian.AppendUint64(out, op)
		answers <- append(append(out, result...), data...)
	}
}

func u64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

func status(code uint64) (uint64, []byte, []byte) {
	return 1, binary.LittleEndian.AppendUint64(nil, code), nil
}

// handle does one operation; a returned op of 0 breaks the connection.
func (p *fakePhone) handle(op uint64, args, data []byte) (uint64, []byte, []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	path := func(b []byte) string { name, _, _ := strings.Cut(string(b), "\x00"); return name }
	switch op {
	case afcwire.Afc_operation_make_dir:
		return status(0)
	case afcwire.Afc_operation_device_info:
		return 2, nil, []byte("Model\x00iPhone15,4\x00FSTotalBytes\x00128000000000\x00FSFreeBytes\x0042\x00FSBlockSize\x004096\x00")
	case afcwire.Afc_operation_file_info:
		text, ok := p.files[path(args)]
		if !ok {
			return status(8)
		}
		return 2, nil, []byte(fmt.Sprintf("st_size\x00%d\x00st_ifmt\x00S_IFREG\x00st_mtime\x001000000000\x00", len(text)))
	case afcwire.Afc_operation_read_dir:
		list := ".\x00..\x00"
		for name := range p.files {
			list += name + "\x00"
		}
		return 2, nil, []byte(list)
	case afcwire.Afc_operation_remove_path_and_contents:
		if _, ok := p.files[path(args)]; !ok {
			return status(8)
		}
		delete(p.files, path(args))
		return status(0)
	case opRename:
		from, to, _ := strings.Cut(string(args), "\x00")
		p.files[path([]byte(to))] = p.files[from]
		delete(p.files, from)
		return status(0)
	case afcwire.Afc_operation_file_open:
		name := path(args[8:])
		if _, ok := p.files[name]; !ok && Mode(u64(args, 0)) != Replace {
			return status(8)
		}
		if Mode(u64(args, 0)) == Replace {
			p.files[name] = nil
		}
		handle := uint64(len(p.handles) + 300)
		p.handles[handle] = &fakeHandle{path: name}
		return afcwire.Afc_operation_file_open_result, binary.LittleEndian.AppendUint64(nil, handle), nil
	}
	return p.onHandle(op, args, data)
}

func (p *fakePhone) onHandle(op uint64, args, data []byte) (uint64, []byte, []byte) {
	if len(args) < 8 || p.handles[u64(args, 0)] == nil {
		return status(7)
	}
	h := p.handles[u64(args, 0)]
	switch op {
	case afcwire.Afc_operation_file_close:
		delete(p.handles, u64(args, 0))
		return status(0)
	case opSeek:
		h.at = int64(u64(args, 2))
		return status(0)
	case afcwire.Afc_operation_file_read:
		text := p.files[h.path]
		end := min(h.at+int64(u64(args, 1)), int64(len(text)))
		part := text[min(h.at, end):end]
		h.at = max(h.at, end)
		return 2, nil, part
	case afcwire.Afc_operation_file_write:
		if p.writes++; p.cutAt > 0 && p.writes > p.cutAt {
			return 0, nil, nil
		}
		if p.free >= 0 {
			if int64(len(data)) > p.free {
				return status(18)
			}
			p.free -= int64(len(data))
		}
		text := p.files[h.path]
		if need := h.at + int64(len(data)); need > int64(len(text)) {
			text = append(text, make([]byte, need-int64(len(text)))...)
		}
		copy(text[h.at:], data)
		p.files[h.path] = text
		h.at += int64(len(data))
		return status(0)
	}
	return status(15)
}
