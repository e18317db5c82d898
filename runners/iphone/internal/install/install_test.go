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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

func archiveFile(t *testing.T, entries ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Bench.ipa")
	f, err := os.Create(file)
	require.NoError(t, err)
	defer f.Close()
	z := zip.NewWriter(f)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		require.NoError(t, err)
		io.WriteString(w, entries[i+1])
	}
	require.NoError(t, z.Close())
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
		assert.NoError(t, err)
		plistio.Write(there, map[string]any{"InstallProgressDict": map[string]any{"Status": "CreatingStagingDirectory", "PercentComplete": 5}})
		plistio.Write(there, map[string]any{"Status": "DataComplete"})
		got <- files
	}()
	var done, total int64
	require.NoError(t, Send(context.Background(), here, file, func(d, n int64) { done, total = d, n }))
	files := <-got
	assert.Equal(t, big, files["Payload/Bench.app/Bench"], "the phone got other files")
	assert.Equal(t, "info", files["Payload/Bench.app/Info.plist"], "the phone got other files")
	assert.Contains(t, files["META-INF/com.apple.ZipMetadata.plist"], "<integer>6</integer>",
		"metadata %s does not announce 6 records", files["META-INF/com.apple.ZipMetadata.plist"])
	want := int64(len(big) + 4)
	assert.Equal(t, want, done, "progress ended")
	assert.Equal(t, want, total, "progress ended")
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
		plistio.Write(there, map[string]any{
			"InstallProgressDict": map[string]any{"Error": "ApplicationVerificationFailed", "ErrorDescription": "no profile for this phone"},
		})
	}()
	err := Send(context.Background(), here, file, func(int64, int64) {})
	var refused *Refused
	require.ErrorAs(t, err, &refused, "Send")
	require.EqualError(t, err, "ApplicationVerificationFailed: no profile for this phone", "Send")
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
	require.ErrorIs(t, Send(ctx, here, file, func(int64, int64) {}), context.Canceled)
}

func TestSendADamagedArchive(t *testing.T) {
	file := archiveFile(t, "Payload/Bench.app/Bench", strings.Repeat("abc", 1000))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	z, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	at, err := z.File[0].DataOffset()
	require.NoError(t, err)
	text[at+3] ^= 0xff
	require.NoError(t, os.WriteFile(file, text, 0o644))
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	err = Send(t.Context(), here, file, func(int64, int64) {})
	var damaged *Damaged
	require.ErrorAs(t, err, &damaged, "Send: want the damaged entry named")
	require.ErrorContains(t, err, "Payload/Bench.app/Bench", "Send: want the damaged entry named")
}

func TestLookup(t *testing.T) {
	answers := map[string]struct {
		answer map[string]any
		want   *Installed
		fails  bool
	}{
		"there": {map[string]any{"LookupResult": map[string]any{
			"org.lilims.bench": map[string]any{"CFBundleVersion": "3", "CFBundleShortVersionString": "1.0", "Path": "/private/x"},
		}}, &Installed{"1.0", "3", "/private/x"}, false},
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
			require.Equal(t, c.fails, err != nil, "Lookup")
			require.Equal(t, c.want == nil, got == nil, "Lookup")
			if got != nil {
				assert.Equal(t, *c.want, *got, "Lookup")
			}
		})
	}
}
