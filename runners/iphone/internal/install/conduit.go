package install

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"net"
	"path"
	"strings"

	"howett.net/plist"

	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

// ConduitService takes an app as a stream of stored zip entries and installs it.
const ConduitService = "com.apple.streaming_zip_conduit"

// The signatures of a local file header and of the central directory, which ends the stream.
const (
	localHeader      = 0x04034b50
	centralDirectory = 0x02014b50
)

// Send streams the archive's entries and waits for the installation. The archive's own directory tells sizes and
// checksums beforehand, so nothing is unpacked to disk and each byte is read once. progress counts unpacked bytes.
func Send(ctx context.Context, conn net.Conn, archive string, progress func(done, total int64)) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	return guard.Do(ctx, conn, func() error {
		sent := make(chan error, 1)
		go func() {
			err := guard.Recover(func() error { return sendAll(conn, &z.Reader, path.Base(archive), progress) })
			var damaged *Damaged
			if errors.As(err, &damaged) {
				conn.Close() // the phone would wait for the rest
			}
			sent <- err
		}()
		// A phone that refuses says why and hangs up in the middle of the stream: what it said is the better error, and
		// a connection that breaks under the writer may still hold it.
		answer := waitInstalled(conn)
		if answer == nil {
			return <-sent
		}
		conn.Close()
		var refused *Refused
		if err := <-sent; err != nil && !errors.As(answer, &refused) {
			return err
		}
		return answer
	})
}

// Damaged says that the archive on the host cannot be sent.
type Damaged struct{ Err error }

func (e *Damaged) Error() string { return "the archive cannot be sent: " + e.Err.Error() }
func (e *Damaged) Unwrap() error { return e.Err }

func sendAll(conn io.Writer, z *zip.Reader, name string, progress func(int64, int64)) error {
	var total int64
	for _, f := range z.File {
		total += int64(f.UncompressedSize64)
	}
	transfer := map[string]any{
		"InstallTransferredDirectory": 1, "UserInitiatedTransfer": 0, "MediaSubdir": "PublicStaging/" + name,
		"InstallOptionsDictionary": map[string]any{
			"InstallDeltaTypeKey": "InstallDeltaTypeSparseIPAFiles", "DisableDeltaTransfer": 1, "IsUserInitiated": 1, "PreferWifi": 1,
			"PackageType": "Customer",
		},
	}
	if err := plistio.Write(conn, transfer); err != nil {
		return fmt.Errorf("begin the transfer: %w", err)
	}
	out := bufio.NewWriterSize(conn, 1<<20)
	if err := sendMetadata(out, len(z.File), total); err != nil {
		return err
	}
	var done int64
	for _, f := range z.File {
		err := sendEntry(out, f, func(n int) { done += int64(n); progress(done, total) })
		if err != nil {
			return fmt.Errorf("send %s: %w", f.Name, err)
		}
	}
	if err := binary.Write(out, binary.LittleEndian, uint32(centralDirectory)); err != nil {
		return err
	}
	return out.Flush()
}

// sendMetadata sends the entry that tells the phone what is to come; it must be the first.
func sendMetadata(out io.Writer, records int, total int64) error {
	const folder = "META-INF/"
	text, err := plist.Marshal(map[string]any{
		"StandardDirectoryPerms": 16877, "StandardFilePerms": -32348, "RecordCount": records + 2, "TotalUncompressedBytes": uint64(total),
		"Version": 2,
	}, plist.XMLFormat)
	if err != nil {
		return err
	}
	if err = sendHeader(out, folder, 0, 0); err != nil {
		return err
	}
	if err = sendHeader(out, folder+"com.apple.ZipMetadata.plist", uint64(len(text)), crc32.ChecksumIEEE(text)); err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func sendEntry(out io.Writer, f *zip.File, sent func(int)) error {
	if f.Mode().Type()&^fs.ModeDir != 0 {
		return &Damaged{fmt.Errorf("a %s entry cannot be sent to a phone", f.Mode().Type())}
	}
	if strings.HasSuffix(f.Name, "/") {
		return sendHeader(out, f.Name, 0, 0)
	}
	if f.UncompressedSize64 > math.MaxUint32 {
		return &Damaged{fmt.Errorf("%d bytes in one file; the phone's installer takes 4 GiB", f.UncompressedSize64)}
	}
	if err := sendHeader(out, f.Name, f.UncompressedSize64, f.CRC32); err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return &Damaged{err}
	}
	defer r.Close()
	buffer := make([]byte, 256<<10)
	for {
		n, err := r.Read(buffer) // checks the sum at the end
		if n > 0 {
			if _, unsent := out.Write(buffer[:n]); unsent != nil {
				return unsent
			}
			sent(n)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &Damaged{err}
		}
	}
}

// sendHeader sends a local header: stored, no descriptor behind the data. The phone ignores time and extra fields.
func sendHeader(out io.Writer, name string, size uint64, sum uint32) error {
	header := binary.LittleEndian.AppendUint32(nil, localHeader)
	for _, v := range []uint16{20, 0, 0, 0xBDEF, 0x52EC} { // version, flags, method, time, date
		header = binary.LittleEndian.AppendUint16(header, v)
	}
	for _, v := range []uint32{sum, uint32(size), uint32(size)} {
		header = binary.LittleEndian.AppendUint32(header, v)
	}
	header = binary.LittleEndian.AppendUint16(header, uint16(len(name)))
	header = binary.LittleEndian.AppendUint16(header, 0)
	_, err := out.Write(append(header, name...))
	return err
}

// waitInstalled reads the phone's progress until it says that the app is there, or why not.
func waitInstalled(conn io.Reader) error {
	for {
		var message struct {
			Status              string
			InstallProgressDict map[string]any
		}
		if err := plistio.Read(conn, &message); err != nil {
			return fmt.Errorf("wait for the installation: %w", err)
		}
		if message.Status == "DataComplete" {
			return nil
		}
		if err := refusal(message.InstallProgressDict); err != nil {
			return err
		}
	}
}
