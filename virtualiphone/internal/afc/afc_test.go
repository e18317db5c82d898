package afc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/disk"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// host speaks AFC to a server over a pipe.
type host struct {
	t    testing.TB
	conn net.Conn
	dir  string
	next uint64
	*Server
}

func newHost(t testing.TB, capacity int64, change func(*Server)) *host {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	storage, err := disk.Open(dir, capacity, hosttest.NewClock())
	require.NoError(t, err)
	server := &Server{Root: root, Disk: storage, Model: "iPhone15,4", Service: "com.apple.afc", Faults: &faults.Script{}}
	if change != nil {
		change(server)
	}
	near, far := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- server.Serve(context.Background(), far) }()
	t.Cleanup(func() {
		near.Close()
		far.Close()
		<-done
		root.Close()
	})
	return &host{t: t, conn: near, dir: dir, Server: server}
}

// ask sends one request and returns the answer's operation, parameters and payload.
func (h *host) ask(op uint64, params, payload []byte) (uint64, []byte, []byte) {
	h.t.Helper()
	h.next++
	// The test's end of the pipe writes while the server may already answer.
	go h.conn.Write(answer(h.next, op, params, payload))
	got, err := readRequest(h.conn)
	require.NoError(h.t, err)
	require.Equal(h.t, h.next, got.number, "answer to packet")
	data := make([]byte, got.payload())
	_, err = io.ReadFull(h.conn, data)
	require.NoError(h.t, err)
	return got.op, got.params, data
}

// status sends a request that is answered with a status.
func (h *host) code(op uint64, params, payload []byte) status {
	h.t.Helper()
	kind, args, _ := h.ask(op, params, payload)
	require.Equal(h.t, uint64(opStatus), kind, "operation %#x answered", op)
	require.Len(h.t, args, 8, "operation %#x answered", op)
	return status(binary.LittleEndian.Uint64(args))
}

func (h *host) open(name string, mode uint64) (uint64, status) {
	h.t.Helper()
	kind, args, _ := h.ask(opOpen, append(word(mode), list(name)...), nil)
	value := binary.LittleEndian.Uint64(args)
	if kind == opStatus {
		return 0, status(value)
	}
	return value, statusOK
}

func words(ns ...uint64) []byte {
	var out []byte
	for _, n := range ns {
		out = append(out, word(n)...)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	h := newHost(t, 1<<30, nil)
	contents := make([]byte, 3<<20+17)
	rand.NewChaCha8([32]byte{1}).Read(contents)
	file, code := h.open("/a/../b.bin", 3)
	require.Equal(t, statusOK, code, "open = handle: want a handle above one byte")
	require.GreaterOrEqual(t, file, uint64(0x100), "open = handle: want a handle above one byte")
	for at := 0; at < len(contents); at += 1 << 20 {
		require.Equal(t, statusOK, h.code(opWrite, word(file), contents[at:min(at+1<<20, len(contents))]), "write")
	}
	require.Equal(t, statusOK, h.code(opClose, word(file), nil), "close")
	onDisk, err := os.ReadFile(filepath.Join(h.dir, "b.bin"))
	require.NoError(t, err, "the file differs from what was written")
	require.Equal(t, sha256.Sum256(contents), sha256.Sum256(onDisk), "the file differs from what was written")
	file, _ = h.open("b.bin", 1)
	require.Equal(t, statusOK, h.code(opSeek, words(file, 0, 5), nil), "seek")
	var back []byte
	for {
		kind, _, data := h.ask(opRead, words(file, 1<<40), nil)
		require.Equal(t, uint64(opData), kind, "read answered")
		if len(data) == 0 {
			break
		}
		back = append(back, data...)
	}
	assert.True(t, bytes.Equal(back, contents[5:]), "the file differs from what was read")
	_, args, _ := h.ask(opTell, word(file), nil)
	assert.Equal(t, uint64(len(contents)), binary.LittleEndian.Uint64(args), "tell")
}

func TestNames(t *testing.T) {
	h := newHost(t, 1<<30, nil)
	step := func(what string, op uint64, params []byte, want status) {
		t.Helper()
		assert.Equal(t, want, h.code(op, params, nil), "%s", what)
	}
	step("make folders", opMakeDir, list("/x/y/z"), statusOK)
	file, _ := h.open("x/y/f", 3)
	h.code(opWrite, word(file), []byte("hello"))
	step("set size", opSetSize, words(file, 3), statusOK)
	step("lock", opLock, words(file, 2), statusOK)
	step("close", opClose, word(file), statusOK)
	step("close again", opClose, word(file), statusBadArgument)
	step("rename", opRename, list("x/y/f", "x/g"), statusOK)
	step("truncate by name", opTruncate, append(word(1), list("x/g")...), statusOK)
	step("set time", opSetTime, append(word(1_700_000_000_000_000_000), list("x/g")...), statusOK)
	step("remove a full folder", opRemove, list("x"), statusDirNotEmpty)
	step("remove what is not there", opRemove, list("nothing"), statusNotFound)
	step("remove the root", opRemoveContents, list("/"), statusDenied)
	step("unknown operation", 0x77, nil, statusUnsupported)
	step("a path that is too short", opOpen, word(1)[:4], statusBadArgument)
	_, _, info := h.ask(opFileInfo, []byte("/x/g"), nil) // without a zero byte, as some hosts send it
	texts := strings.Split(string(info), "\x00")
	want := map[string]string{"st_size": "1", "st_ifmt": "S_IFREG", "st_mtime": "1700000000000000000"}
	for i := 0; i+1 < len(texts); i += 2 {
		w, ok := want[texts[i]]
		if ok {
			assert.Equal(t, texts[i+1], w, "%s", texts[i])
		}
	}
	_, code := h.open("x", 1)
	assert.Equal(t, statusIsDir, code, "open a folder")
	_, code = h.open("x/none", 1)
	assert.Equal(t, statusNotFound, code, "open what is not there")
	_, _, names := h.ask(opReadDir, list("x"), nil)
	assert.Equal(t, ".\x00..\x00g\x00y\x00", string(names), "folder")
	step("remove all", opRemoveContents, list("x"), statusOK)
}

func TestNothingLeavesTheRoot(t *testing.T) {
	h := newHost(t, 1<<30, nil)
	secret := filepath.Join(filepath.Dir(h.dir), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("s"), 0o644))
	for _, name := range []string{"../secret", "/../../secret", "a/../../secret"} {
		_, code := h.open(name, 1)
		assert.Equal(t, statusNotFound, code, "open %q", name)
	}
	require.Equal(t, statusOK, h.code(opLink, append(word(2), list("../secret", "out")...), nil), "symbolic link")
	_, code := h.open("out", 1)
	assert.NotEqual(t, statusOK, code, "a symbolic link leads out of the root")
	_, code = h.open("out", 3)
	assert.NotEqual(t, statusOK, code, "a symbolic link lets hosts write outside of the root")
	code = h.code(opRename, list("out", "../out"), nil)
	assert.Equal(t, statusOK, code, `rename below the top = %d: ".." stops at the root`, code)
	text, err := os.ReadFile(secret)
	require.NoError(t, err, "the file outside of the root: %q", text)
	assert.Equal(t, "s", string(text), "the file outside of the root")
}

func TestTopIsAllThatIsSeen(t *testing.T) {
	h := newHost(t, 1<<30, func(s *Server) { s.Top = "Documents" })
	for _, d := range []string{"Documents", "Library"} {
		require.NoError(t, os.Mkdir(filepath.Join(h.dir, d), 0o755))
	}
	_, _, names := h.ask(opReadDir, list("/"), nil)
	assert.Equal(t, ".\x00..\x00Documents\x00", string(names), "top")
	_, code := h.open("/Library/x", 3)
	assert.Equal(t, statusDenied, code, "write beside Documents")
	_, code = h.open("/Documents/x", 3)
	assert.Equal(t, statusOK, code, "write in Documents")
}

func TestReadOnlyChangesNothing(t *testing.T) {
	h := newHost(t, 1<<30, func(s *Server) { s.ReadOnly = true })
	_, code := h.open("x", 3)
	assert.Equal(t, statusDenied, code, "open for writing")
	assert.Equal(t, statusDenied, h.code(opMakeDir, list("d"), nil), "make a folder")
}

func TestFullDiskKeepsTheConnectionInStep(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	file, _ := h.open("big", 3)
	require.Equal(t, statusNoSpace, h.code(opWrite, word(file), make([]byte, 4<<20)), "write")
	assert.Equal(t, statusOK, h.code(opRemove, list("big"), nil), "remove after a full disk")
	kind, _, info := h.ask(opDeviceInfo, nil, nil)
	assert.Equal(t, uint64(opData), kind, "device info")
	assert.Contains(t, string(info), "FSTotalBytes\x001048576\x00", "device info")
}

func TestScriptedStatus(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	require.NoError(t, h.Faults.Add(faults.Fault{Service: "com.apple.afc", Kind: faults.Reply, Code: 20, Times: 1}))
	assert.Equal(t, statusIO, h.code(opMakeDir, list("d"), nil), "scripted")
	assert.Equal(t, statusOK, h.code(opMakeDir, list("d"), nil), "after the fault")
}

func TestHandlesAreBounded(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	for range maxHandles {
		_, code := h.open("f", 2)
		require.Equal(t, statusOK, code, "open")
	}
	_, code := h.open("f", 2)
	assert.Equal(t, statusNoResources, code, "one handle too many")
}

func FuzzServe(f *testing.F) {
	open := answer(1, opOpen, append(word(3), list("a")...), nil)
	write := answer(2, opWrite, word(firstHandle), []byte("data"))
	f.Add(append(open, write...))
	f.Add(answer(1, opReadDir, list("/"), nil))
	f.Add(answer(1, opRename, list("a", "../b"), nil))
	f.Add(answer(1, opLink, append(word(2), list("../../x", "l")...), nil))
	f.Add(answer(1, opSeek, words(firstHandle, 1, 1<<63), nil))
	f.Add(answer(1, opTruncate, words(1<<62), nil))
	f.Add([]byte("CFA6LPAA\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, input []byte) {
		dir := t.TempDir()
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close()
		storage, err := disk.Open(dir, 1<<16, hosttest.NewClock())
		require.NoError(t, err)
		server := &Server{Root: root, Disk: storage}
		server.Serve(context.Background(), &replay{in: bytes.NewReader(input)})
	})
}

// replay is a connection whose host has sent everything already and does not listen.
type replay struct {
	net.Conn
	in *bytes.Reader
}

func (r *replay) Read(p []byte) (int, error)  { return r.in.Read(p) }
func (r *replay) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkWrite is what one connection can store in packets of 1 MiB, without TLS and mux.
func BenchmarkWrite(b *testing.B) {
	h := newHost(b, 1<<40, nil)
	file, _ := h.open("big", 3)
	payload := make([]byte, 1<<20)
	b.SetBytes(int64(len(payload)))
	for i := 0; b.Loop(); i++ {
		if i%256 == 0 { // a file of 256 MiB, over and over
			h.code(opSeek, words(file, 0, 0), nil)
		}
		if code := h.code(opWrite, word(file), payload); code != statusOK {
			b.Fatalf("write = %d", code)
		}
	}
}
