package afc

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/disk"
)

// Server is the file service over one folder.
type Server struct {
	Root    *os.Root
	Disk    *disk.Disk
	Model   string // product type, for device information
	Service string // name under which faults are scripted
	Faults  *faults.Script
	// ReadOnly refuses every change, and Top, if set, is the only folder at the root that a host sees and reaches.
	ReadOnly bool
	Top      string
}

// connection is one host's connection: its open files, and one buffer for everything that is streamed.
type connection struct {
	*Server
	conn   net.Conn
	files  map[uint64]*os.File
	next   uint64
	buffer []byte
}

// Serve answers requests until the host leaves.
func (s *Server) Serve(_ context.Context, conn net.Conn) error {
	c := &connection{Server: s, conn: conn, files: map[uint64]*os.File{}, next: firstHandle, buffer: make([]byte, 256<<10)}
	defer func() {
		for _, f := range c.files {
			_ = f.Close()
		}
	}()
	for {
		r, err := readRequest(conn)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.handle(r); err != nil {
			return err
		}
	}
}

// handle answers one request. An error ends the connection: the stream is no longer in step.
func (c *connection) handle(r request) error {
	if f, hit := c.Faults.Take(c.Service, faults.Reply); hit {
		if err := c.discard(r.payload()); err != nil {
			return err
		}
		return c.status(r, max(status(f.Code), statusUnknown))
	}
	switch r.op {
	case opWrite:
		return c.write(r)
	case opRead:
		return c.read(r)
	}
	if err := c.discard(r.payload()); err != nil {
		return err
	}
	switch r.op {
	case opReadDir, opFileInfo, opDeviceInfo:
		return c.look(r)
	case opOpen:
		return c.open(r)
	case opSeek, opTell, opClose, opSetSize, opLock:
		return c.handleFile(r)
	case opTruncate, opRemove, opMakeDir, opRename, opLink, opSetTime, opRemoveContents:
		if c.ReadOnly {
			return c.status(r, statusDenied)
		}
		return c.status(r, c.change(r))
	default:
		return c.status(r, statusUnsupported)
	}
}

// discard reads over a payload that the request should not have.
func (c *connection) discard(n int64) error {
	if n == 0 {
		return nil
	}
	_, err := io.CopyN(io.Discard, c.conn, n)
	return err
}

func (c *connection) status(r request, code status) error {
	_, err := c.conn.Write(answer(r.number, opStatus, word(uint64(code)), nil))
	return err
}

func (c *connection) data(r request, payload []byte) error {
	_, err := c.conn.Write(answer(r.number, opData, nil, payload))
	return err
}

// local turns a host's path into one below the root. Paths are absolute to the host, and ".." stops at the top.
func (c *connection) local(name string) (string, status) {
	clean := path.Clean("/" + name)[1:]
	if strings.ContainsRune(name, 0) || len(clean) > maxPath {
		return "", statusBadArgument
	}
	if clean == "" {
		return ".", statusOK
	}
	if first, _, _ := strings.Cut(clean, "/"); c.Top != "" && first != c.Top {
		return "", statusDenied
	}
	return clean, statusOK
}

// code turns an error of this host into AFC's.
func code(err error) status {
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, disk.ErrFull), errors.Is(err, syscall.ENOSPC):
		return statusNoSpace
	case errors.Is(err, fs.ErrNotExist):
		return statusNotFound
	case errors.Is(err, syscall.ENOTEMPTY):
		return statusDirNotEmpty
	case errors.Is(err, fs.ErrExist):
		return statusExists
	case errors.Is(err, syscall.EISDIR):
		return statusIsDir
	case errors.Is(err, fs.ErrPermission), strings.Contains(err.Error(), "path escapes"):
		return statusDenied
	case errors.Is(err, syscall.ENOTDIR):
		return statusNotFound
	case errors.Is(err, syscall.EINVAL), errors.Is(err, fs.ErrInvalid), errors.Is(err, syscall.ENAMETOOLONG):
		return statusBadArgument
	default:
		return statusIO
	}
}

// open flags of AFC.
var openFlags = map[uint64]int{
	1: os.O_RDONLY,
	2: os.O_RDWR | os.O_CREATE,
	3: os.O_WRONLY | os.O_CREATE | os.O_TRUNC,
	4: os.O_RDWR | os.O_CREATE | os.O_TRUNC,
	5: os.O_WRONLY | os.O_APPEND | os.O_CREATE,
	6: os.O_RDWR | os.O_APPEND | os.O_CREATE,
}

func (c *connection) open(r request) error {
	args, ok1 := r.words(1)
	paths, ok2 := r.paths(8, 1)
	if !ok1 || !ok2 {
		return c.status(r, statusBadArgument)
	}
	flags, known := openFlags[args[0]]
	if !known {
		return c.status(r, statusBadArgument)
	}
	if c.ReadOnly && flags != os.O_RDONLY {
		return c.status(r, statusDenied)
	}
	if len(c.files) >= maxHandles {
		return c.status(r, statusNoResources)
	}
	name, bad := c.local(paths[0])
	if bad != statusOK {
		return c.status(r, bad)
	}
	info, err := c.Root.Stat(name)
	if err == nil && !info.Mode().IsRegular() {
		return c.status(r, statusIsDir) // a pipe or a device would block the service
	}
	file, err := c.Root.OpenFile(name, flags, 0o644)
	if err != nil {
		return c.status(r, code(err))
	}
	if flags&os.O_TRUNC != 0 && info != nil {
		c.Disk.Release(info.Size())
	}
	handle := c.next
	c.next++
	c.files[handle] = file
	_, err = c.conn.Write(answer(r.number, opOpenResult, word(handle), nil))
	return err
}

// read answers with what one read of the file gives, up to a limit; short answers are normal.
func (c *connection) read(r request) error {
	if err := c.discard(r.payload()); err != nil {
		return err
	}
	args, ok := r.words(2)
	if !ok {
		return c.status(r, statusBadArgument)
	}
	file, ok := c.files[args[0]]
	if !ok {
		return c.status(r, statusBadArgument)
	}
	want := int(min(args[1], readLimit))
	if need := headerSize + want; len(c.buffer) < need {
		c.buffer = make([]byte, need)
	}
	n, err := io.ReadFull(file, c.buffer[headerSize:headerSize+want])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return c.status(r, code(err))
	}
	copy(c.buffer, answer(r.number, opData, nil, nil))
	binary.LittleEndian.PutUint64(c.buffer[8:], uint64(headerSize+n))
	_, err = c.conn.Write(c.buffer[:headerSize+n])
	return err
}

// write streams a payload into a file as it arrives. When the disk is full the rest is read over, so that the host
// gets its answer and the connection stays in step.
func (c *connection) write(r request) error {
	args, ok := r.words(1)
	if !ok {
		return c.refuse(r, statusBadArgument)
	}
	file, ok := c.files[args[0]]
	if !ok {
		return c.refuse(r, statusBadArgument)
	}
	if len(r.params) > 8 { // some hosts count the data as parameters
		if err := c.store(file, r.params[8:]); err != nil {
			return c.refuse(r, code(err))
		}
	}
	left := r.payload()
	for left > 0 {
		chunk := c.buffer[:min(int64(len(c.buffer)), left)]
		if _, err := io.ReadFull(c.conn, chunk); err != nil {
			return err
		}
		left -= int64(len(chunk))
		if failed := c.store(file, chunk); failed != nil {
			if err := c.discard(left); err != nil {
				return err
			}
			return c.status(r, code(failed))
		}
	}
	return c.status(r, statusOK)
}

func (c *connection) refuse(r request, why status) error {
	if err := c.discard(r.payload()); err != nil {
		return err
	}
	return c.status(r, why)
}

// store reserves and writes. Overwriting counts as growth until the disk is looked at again: cheap, and never too kind.
func (c *connection) store(file *os.File, chunk []byte) error {
	if err := c.Disk.Reserve(int64(len(chunk))); err != nil {
		return err
	}
	_, err := file.Write(chunk)
	return err
}
