package apps

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"github.com/lilims/bench/virtualiphone/internal/disk"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

const demo = "org.lilims.demo"

func newLibrary(t testing.TB, capacity int64) (*Library, *disk.Disk) {
	t.Helper()
	dir := t.TempDir()
	storage, err := disk.Open(dir, capacity, hosttest.NewClock())
	require.NoError(t, err)
	library, err := Open(dir, storage, func(string) {}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return library, storage
}

func quiet(string, int) {}

func installIPA(l *Library, ipa []byte) (App, error) {
	return l.InstallArchive(context.Background(), bytes.NewReader(ipa), int64(len(ipa)), quiet)
}

// leftovers are the folders of bundles that are not installed.
func leftovers(t *testing.T, l *Library) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(l.dir, "bundles"))
	require.NoError(t, err)
	var out []string
	for _, e := range entries {
		known := slices.ContainsFunc(l.List(), func(a App) bool { return a.BundleUUID == e.Name() })
		if !known {
			out = append(out, e.Name())
		}
	}
	return out
}

func TestRefusedPackages(t *testing.T) {
	good := hosttest.IPA(t, hosttest.App{BundleID: demo})
	cases := map[string]struct {
		ipa        []byte
		code, text string
	}{
		"no archive":     {[]byte("this is no zip"), extractionFailed, "no readable .ipa"},
		"a torn archive": {good[:len(good)-30], extractionFailed, "no readable .ipa"},
		"Mach-O": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01")}), verificationFailed, "Mach-O",
		},
		"universal Mach-O": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02")}), verificationFailed, "Mach-O",
		},
		"ELF of another machine": {hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: elfHeader(0x16)}), verificationFailed, "EM_S390"},
		"damaged ELF": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: []byte("\x7fELF...")}), verificationFailed, "damaged ELF",
		},
		"text": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: []byte("hello")}), verificationFailed, "no executable of this host",
		},
		"an empty executable": {hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: []byte{}}), verificationFailed, "empty"},
		"no executable": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Info: map[string]any{"CFBundleExecutable": "Other"}}), verificationFailed, "missing",
		},
		"an executable outside": {hosttest.IPA(t, hosttest.App{
			BundleID: demo, Info: map[string]any{"CFBundleExecutable": "../x"},
		}), inspectionFailed, "CFBundleExecutable"},
		"no bundle id": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Info: map[string]any{"CFBundleIdentifier": nil}}), inspectionFailed, "CFBundleIdentifier",
		},
		"no app": {zipOf(t, map[string]string{"readme.txt": "x"}), inspectionFailed, "no Payload"},
		"two apps": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Files: map[string]string{"Payload/Other.app/Info.plist": ""}}), inspectionFailed, "2 apps",
		},
		"a path that leaves": {
			hosttest.IPA(t, hosttest.App{BundleID: demo, Files: map[string]string{"../../evil": "x"}}), extractionFailed, "leaves the bundle",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			library, _ := newLibrary(t, 1<<30)
			_, err := installIPA(library, c.ipa)
			var f *Failure
			require.ErrorAs(t, err, &f, "install")
			require.Equal(t, c.code, f.Code, "install")
			assert.Contains(t, f.Text, c.text, "install")
			assert.Empty(t, leftovers(t, library), "a refused package left")
		})
	}
}

// elfHeader is the beginning of a 64-bit executable for a machine.
func elfHeader(machine byte) []byte {
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	head[16], head[18], head[20], head[52] = 2, machine, 1, 64
	return head
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	ipa := hosttest.IPA(t, hosttest.App{BundleID: demo, Files: files})
	// Rename the bundle so that no .app remains; names have equal length, so the archive stays whole.
	return bytes.ReplaceAll(ipa, []byte("Payload/Demo.app/"), []byte("Payload/Demo.xxx/"))
}

func TestHostExecutablesAreInstalled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the test's own executable is no ELF file on " + runtime.GOOS)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	text, err := os.ReadFile(self)
	require.NoError(t, err)
	library, _ := newLibrary(t, 1<<30)
	app, err := installIPA(library, hosttest.IPA(t, hosttest.App{BundleID: demo, Executable: text}))
	require.NoError(t, err)
	info, err := os.Stat(app.Program())
	require.NoError(t, err, "the executable cannot be run")
	assert.NotZero(t, info.Mode().Perm()&0o111, "the executable cannot be run")
}

func TestFullPhoneInstallsNothing(t *testing.T) {
	library, storage := newLibrary(t, 1<<20)
	_, err := installIPA(library, hosttest.IPA(t, hosttest.App{
		BundleID: demo, Files: map[string]string{"Payload/Demo.app/big": strings.Repeat("x", 2<<20)},
	}))
	assert.Equal(t, notEnoughSpace, failureOf(err).Code, "install = %v, want", err)
	assert.Equal(t, int64(1<<20), storage.Free(), "bytes free afterwards")
	assert.Empty(t, leftovers(t, library), "left behind")
}

func TestUnfinishedInstallationsVanish(t *testing.T) {
	library, storage := newLibrary(t, 1<<30)
	_, err := installIPA(library, hosttest.IPA(t, hosttest.App{BundleID: demo}))
	require.NoError(t, err)
	torn, err := library.stage()
	require.NoError(t, err)
	require.NoError(t, torn.add("Payload/Demo.app/Info.plist", 0o644, 1, strings.NewReader("x")))
	again, err := Open(library.dir, storage, func(string) {}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	list := again.List()
	require.Len(t, list, 1, "apps")
	assert.Equal(t, demo, list[0].BundleID, "apps")
	assert.Empty(t, leftovers(t, again), "left behind")
}

// stored builds a streamed entry.
func stored(name string, contents []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, signLocal)
	head := make([]byte, 26)
	binary.LittleEndian.PutUint32(head[10:], crc32.ChecksumIEEE(contents))
	binary.LittleEndian.PutUint32(head[14:], uint32(len(contents)))
	binary.LittleEndian.PutUint32(head[18:], uint32(len(contents)))
	binary.LittleEndian.PutUint16(head[22:], uint16(len(name)))
	binary.LittleEndian.PutUint16(head[24:], 4)
	out = append(append(out, head...), name...)
	out = append(out, 1, 2, 3, 4) // extra field
	return append(out, contents...)
}

func infoPlist(t testing.TB) []byte {
	t.Helper()
	text, err := plist.Marshal(map[string]any{"CFBundleIdentifier": demo, "CFBundleExecutable": "Demo"}, plist.XMLFormat)
	require.NoError(t, err)
	return text
}

// stream is what a host sends to the conduit.
func stream(t testing.TB, entries ...[]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	text, err := plist.Marshal(map[string]any{"MediaSubdir": "PublicStaging/Demo.ipa", "InstallTransferredDirectory": 1}, plist.XMLFormat)
	require.NoError(t, err)
	plistio.WriteFrame(&out, text)
	for _, e := range entries {
		out.Write(e)
	}
	out.Write(binary.LittleEndian.AppendUint32(nil, signCentral))
	return out.Bytes()
}

// replay is a connection whose host has sent everything already.
type replay struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (r *replay) Read(p []byte) (int, error)  { return r.in.Read(p) }
func (r *replay) Write(p []byte) (int, error) { return r.out.Write(p) }

// converse runs the conduit over a stream and returns its last answer.
func converse(t *testing.T, l *Library, input []byte) (plistio.Dict, error) {
	t.Helper()
	conn := &replay{in: bytes.NewReader(input)}
	err := (&Conduit{Library: l, Post: func(string) {}}).Serve(context.Background(), conn)
	var last plistio.Dict
	for conn.out.Len() > 0 {
		payload, err := plistio.ReadFrame(&conn.out, plistio.MaxFrame)
		require.NoError(t, err)
		last, err = plistio.Decode(payload)
		require.NoError(t, err)
	}
	return last, err
}

func TestConduit(t *testing.T) {
	program := stored("Payload/Demo.app/Demo", []byte("#!/bin/sh\n"))
	info := stored("Payload/Demo.app/Info.plist", infoPlist(t))
	damaged := bytes.Clone(program)
	damaged[len(damaged)-1] ^= 1
	compressed := bytes.Clone(program)
	compressed[8] = 8
	cases := map[string]struct {
		entries [][]byte
		want    string // error of installd; empty: installed
	}{
		"an app": {
			[][]byte{stored("META-INF/", nil), stored("META-INF/x", []byte("abc")), stored("Payload/", nil), info, program}, "",
		},
		"a bare bundle":       {[][]byte{stored("Info.plist", infoPlist(t)), stored("Demo", []byte("#!/bin/sh\n"))}, ""},
		"a bundle at the top": {[][]byte{stored("Demo.app/Info.plist", infoPlist(t)), stored("Demo.app/Demo", []byte("#!/bin/sh\n"))}, ""},
		"damaged contents":    {[][]byte{info, damaged}, extractionFailed},
		"compressed contents": {[][]byte{info, compressed}, extractionFailed},
		"a path that leaves":  {[][]byte{stored("../../x", []byte("x"))}, extractionFailed},
		"no executable":       {[][]byte{info}, verificationFailed},
		"Mach-O":              {[][]byte{info, stored("Payload/Demo.app/Demo", []byte("\xcf\xfa\xed\xfe\x00\x00\x00\x00"))}, verificationFailed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			library, _ := newLibrary(t, 1<<30)
			last, err := converse(t, library, stream(t, c.entries...))
			require.NoError(t, err)
			got := last.Dict("InstallProgressDict").String("Error")
			assert.Equal(t, c.want, got, "error = %q, want %q (%v)", got, c.want, last)
			if c.want == "" {
				assert.Equal(t, "DataComplete", last.String("Status"), "last answer = %v with %d apps installed", last, len(library.List()))
				assert.Len(t, library.List(), 1, "last answer = %v with %d apps installed", last, len(library.List()))
			}
			assert.Empty(t, leftovers(t, library), "left behind")
		})
	}
}

func TestTornStreamLeavesNothing(t *testing.T) {
	library, _ := newLibrary(t, 1<<30)
	whole := stream(t, stored("Payload/Demo.app/Demo", bytes.Repeat([]byte("x"), 1000)))
	last, err := converse(t, library, whole[:len(whole)-500])
	if err == nil {
		assert.NotEmpty(t, last.Dict("InstallProgressDict").String("Error"), "a torn stream was accepted")
	}
	assert.Empty(t, leftovers(t, library), "left behind")
}

func FuzzConduit(f *testing.F) {
	f.Add(stream(f, stored("Payload/Demo.app/Info.plist", infoPlist(f)), stored("Payload/Demo.app/Demo", []byte("#!/bin/sh\n"))))
	f.Add(stream(f, stored("META-INF/", nil), stored("a/../../b", []byte("x"))))
	f.Add(stream(f, stored("", nil), stored("/", nil), stored("x/", []byte("y"))))
	f.Fuzz(func(t *testing.T, input []byte) {
		library, _ := newLibrary(t, 1<<20)
		conn := &replay{in: bytes.NewReader(input)}
		(&Conduit{Library: library, Post: func(string) {}}).Serve(context.Background(), conn)
		assert.Empty(t, leftovers(t, library), "left behind")
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(hosttest.IPA(f, hosttest.App{BundleID: demo}))
	f.Fuzz(func(t *testing.T, input []byte) {
		library, _ := newLibrary(t, 1<<20)
		installIPA(library, input)
		assert.Empty(t, leftovers(t, library), "left behind")
	})
}
