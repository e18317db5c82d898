package apps

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net"
	"strings"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Conduit is the service streaming_zip_conduit: an app arrives as a stream of stored zip entries and is installed as
// it comes, without an archive lying on the phone.
type Conduit struct {
	Library *Library
	Faults  *faults.Script
	Post    func(notification string)
}

// Serve takes one app.
func (c *Conduit) Serve(_ context.Context, conn net.Conn) error {
	frames := plistio.New(conn)
	start, err := frames.Receive()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if f, hit := c.Faults.Take(ConduitService, faults.Reply); hit {
		return conduitFailed(frames, &Failure{f.Error, "scripted fault"})
	}
	s, err := c.Library.stage()
	if err != nil {
		return err
	}
	if err := receiveEntries(bufio.NewReaderSize(conn, 256<<10), s); err != nil {
		s.abandon()
		var f *Failure
		if errors.As(err, &f) || failureOf(err).Code == notEnoughSpace {
			return conduitFailed(frames, failureOf(err))
		}
		return err
	}
	progress := func(status string, percent int) {
		_ = frames.Send(map[string]any{"InstallProgressDict": map[string]any{"Status": status, "PercentComplete": percent}})
	}
	name := start.String("MediaSubdir")
	if _, err := s.conclude(strings.TrimSuffix(name, ".ipa"), progress); err != nil {
		return conduitFailed(frames, failureOf(err))
	}
	c.Post(installedNote)
	progress("GeneratingApplicationMap", 100)
	return frames.Send(map[string]any{"Status": "DataComplete"})
}

func conduitFailed(frames *plistio.Conn, f *Failure) error {
	return frames.Send(map[string]any{"InstallProgressDict": map[string]any{"Error": f.Code, "ErrorDescription": f.Text}})
}

// Zip signatures, as the stream shows them.
const (
	signLocal   = 0x04034b50
	signCentral = 0x02014b50
)

// receiveEntries stages entries until the central directory begins. Of that only the signature is ever sent.
func receiveEntries(from *bufio.Reader, s *staging) error {
	for {
		var sign [4]byte
		if _, err := io.ReadFull(from, sign[:]); err != nil {
			return err
		}
		switch binary.LittleEndian.Uint32(sign[:]) {
		case signCentral:
			return nil
		case signLocal:
			if err := receiveEntry(from, s); err != nil {
				return err
			}
		default:
			return fmt.Errorf("zip conduit: % x is no entry", sign)
		}
	}
}

// receiveEntry reads one stored entry: 26 bytes behind the signature, name, extra field, contents.
func receiveEntry(from *bufio.Reader, s *staging) error {
	var head [26]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return err
	}
	half := func(at int) int { return int(binary.LittleEndian.Uint16(head[at:])) }
	full := func(at int) uint32 { return binary.LittleEndian.Uint32(head[at:]) }
	flags, method, sum, packed, size := half(2), half(4), full(10), full(14), full(18)
	text := make([]byte, half(22))
	if _, err := io.ReadFull(from, text); err != nil {
		return err
	}
	if _, err := from.Discard(half(24)); err != nil {
		return err
	}
	name := string(text)
	const descriptor = 1 << 3
	if method != 0 || packed != size || flags&descriptor != 0 {
		return fail(extractionFailed, "%s is compressed; streamed entries are stored", name)
	}
	if strings.HasPrefix(name, "META-INF/") {
		_, err := io.CopyN(io.Discard, from, int64(size)) // the transfer's own notes, not part of the app
		return err
	}
	if strings.HasSuffix(name, "/") {
		if size != 0 {
			return fail(extractionFailed, "folder %s has contents", name)
		}
		return s.add(name, fs.ModeDir, 0, nil)
	}
	check := crc32.NewIEEE()
	if err := s.add(name, 0o644, int64(size), io.TeeReader(from, check)); err != nil {
		return err
	}
	if check.Sum32() != sum {
		return fail(extractionFailed, "%s arrived damaged", name)
	}
	return nil
}
