package install

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

func archiveFile(t *testing.T, entries ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Bench.ipa")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, entries[i+1])
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// receive reads a transfer as a phone does: the request, then stored entries up to the central directory.
func receive(conn io.Reader) (map[string]string, error) {
	var transfer map[string]any
	if err := plistio.Read(conn, &transfer); err != nil {
		return nil, err
	}
	files := map[string]string{"InitTransfer": transfer["MediaSubdir"].(string)}
	for {
		var signature uint32
		if err := binary.Read(conn, binary.LittleEndian, &signature); err != nil {
			return nil, err
		}
		if signature == 0x02014b50 {
			return files, nil
		}
		rest := make([]byte, 26)
		if _, err := io.ReadFull(conn, rest); err != nil {
			return nil, err
		}
		le := binary.LittleEndian
		name := make([]byte, int(le.Uint16(rest[22:]))+int(le.Uint16(rest[24:])))
		if _, err := io.ReadFull(conn, name); err != nil {
			return nil, err
		}
		body := make([]byte, le.Uint32(rest[14:]))
		if _, err := io.ReadFull(conn, body); err != nil {
			return nil, err
		}
		if signature != 0x04034b50 || le.Uint16(rest[4:]) != 0 || crc32.ChecksumIEEE(body) != le.Uint32(rest[10:]) {
			return nil, errors.New("bad entry " + string(name))
		}
		files[string(name[:le.Uint16(rest[22:])])] = string(body)
	}
}

func TestSend(t *testing.T) {
	big := strings.Repeat("machine code ", 100_000)
	file := archiveFile(t, "Payload/", "", "Payload/Bench.app/", "", "Payload/Bench.app/Info.plist", "info", "Payload/Bench.app/Bench", big)
	here, there := net.Pipe()
	got := make(chan map[string]string, 1)
	go func() {
		defer there.Close()
		files, err := receive(there)
		if err != nil {
			t.Error(err)
		}
		plistio.Write(there, map[string]any{"InstallProgressDict": map[string]any{"Status": "CreatingStagingDirectory", "PercentComplete": 5}})
		plistio.Write(there, map[string]any{"Status": "DataComplete"})
		got <- files
	}()
	var done, total int64
	if err := Send(context.Background(), here, file, func(d, n int64) { done, total = d, n }); err != nil {
		t.Fatal(err)
	}
	files := <-got
	if files["Payload/Bench.app/Bench"] != big || files["Payload/Bench.app/Info.plist"] != "info" {
		t.Error("the phone got other files")
	}
	if !strings.Contains(files["META-INF/com.apple.ZipMetadata.plist"], "<integer>6</integer>") {
		t.Errorf("metadata %s does not announce 6 records", files["META-INF/com.apple.ZipMetadata.plist"])
	}
	if want := int64(len(big) + 4); done != want || total != want {
		t.Errorf("progress ended at %d of %d, want %d", done, total, want)
	}
}

// TestSendRefused: a phone that refuses in the middle says why and hangs up; its words must arrive.
func TestSendRefused(t *testing.T) {
	file := archiveFile(t, "Payload/Bench.app/Info.plist", "info", "Payload/Bench.app/Bench", strings.Repeat("x", 1<<22))
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		var transfer map[string]any
		plistio.Read(there, &transfer)
		io.CopyN(io.Discard, there, 1000)
		plistio.Write(there, map[string]any{"InstallProgressDict": map[string]any{"Error": "ApplicationVerificationFailed", "ErrorDescription": "no profile for this phone"}})
	}()
	err := Send(context.Background(), here, file, func(int64, int64) {})
	var refused *Refused
	if !errors.As(err, &refused) || err.Error() != "ApplicationVerificationFailed: no profile for this phone" {
		t.Errorf("Send = %v, want the phone's words", err)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	file := archiveFile(t, "a", "b")
	here, there := net.Pipe()
	defer there.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // takes everything, never answers
		receive(there)
		cancel()
	}()
	if err := Send(ctx, here, file, func(int64, int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("Send = %v, want the context's error", err)
	}
}

func TestSendADamagedArchive(t *testing.T) {
	file := archiveFile(t, "Payload/Bench.app/Bench", strings.Repeat("abc", 1000))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	at, err := z.File[0].DataOffset()
	if err != nil {
		t.Fatal(err)
	}
	text[at+3] ^= 0xff
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	err = Send(t.Context(), here, file, func(int64, int64) {})
	var damaged *Damaged
	if !errors.As(err, &damaged) || !strings.Contains(err.Error(), "Payload/Bench.app/Bench") {
		t.Errorf("Send = %v, want the damaged entry named", err)
	}
}

func TestLookup(t *testing.T) {
	answers := map[string]struct {
		answer map[string]any
		want   *Installed
		fails  bool
	}{
		"there":     {map[string]any{"LookupResult": map[string]any{"org.lilims.bench": map[string]any{"CFBundleVersion": "3", "CFBundleShortVersionString": "1.0", "Path": "/private/x"}}}, &Installed{"1.0", "3", "/private/x"}, false},
		"not there": {map[string]any{"LookupResult": map[string]any{}}, nil, false},
		"refused":   {map[string]any{"Error": "APIInternalError"}, nil, true},
		"nonsense":  {map[string]any{"Status": "Complete"}, nil, true},
	}
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			defer there.Close()
			go func() {
				var request map[string]any
				plistio.Read(there, &request)
				plistio.Write(there, c.answer)
			}()
			got, err := Lookup(context.Background(), here, "org.lilims.bench")
			if (err != nil) != c.fails || (got == nil) != (c.want == nil) || (got != nil && *got != *c.want) {
				t.Errorf("Lookup = %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}
