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
	if err != nil {
		t.Fatal(err)
	}
	storage, err := disk.Open(dir, capacity, hosttest.NewClock())
	if err != nil {
		t.Fatal(err)
	}
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
	if err != nil {
		h.t.Fatal(err)
	}
	if got.number != h.next {
		h.t.Fatalf("answer to packet %d, want %d", got.number, h.next)
	}
	data := make([]byte, got.payload())
	if _, err := io.ReadFull(h.conn, data); err != nil {
		h.t.Fatal(err)
	}
	return got.op, got.params, data
}

// status sends a request that is answered with a status.
func (h *host) code(op uint64, params, payload []byte) status {
	h.t.Helper()
	kind, args, _ := h.ask(op, params, payload)
	if kind != opStatus || len(args) != 8 {
		h.t.Fatalf("operation %#x answered with %#x", op, kind)
	}
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
	if code != statusOK || file < 0x100 {
		t.Fatalf("open = handle %d, status %d; want a handle above one byte", file, code)
	}
	for at := 0; at < len(contents); at += 1 << 20 {
		if code := h.code(opWrite, word(file), contents[at:min(at+1<<20, len(contents))]); code != statusOK {
			t.Fatalf("write = %d", code)
		}
	}
	if code := h.code(opClose, word(file), nil); code != statusOK {
		t.Fatalf("close = %d", code)
	}
	onDisk, err := os.ReadFile(filepath.Join(h.dir, "b.bin"))
	if err != nil || sha256.Sum256(onDisk) != sha256.Sum256(contents) {
		t.Fatalf("the file differs from what was written: %v", err)
	}
	file, _ = h.open("b.bin", 1)
	if code := h.code(opSeek, words(file, 0, 5), nil); code != statusOK {
		t.Fatalf("seek = %d", code)
	}
	var back []byte
	for {
		kind, _, data := h.ask(opRead, words(file, 1<<40), nil)
		if kind != opData {
			t.Fatalf("read answered with %#x", kind)
		}
		if len(data) == 0 {
			break
		}
		back = append(back, data...)
	}
	if !bytes.Equal(back, contents[5:]) {
		t.Error("the file differs from what was read")
	}
	if _, args, _ := h.ask(opTell, word(file), nil); binary.LittleEndian.Uint64(args) != uint64(len(contents)) {
		t.Errorf("tell = %d", binary.LittleEndian.Uint64(args))
	}
}

func TestNames(t *testing.T) {
	h := newHost(t, 1<<30, nil)
	step := func(what string, op uint64, params []byte, want status) {
		t.Helper()
		if got := h.code(op, params, nil); got != want {
			t.Errorf("%s = %d, want %d", what, got, want)
		}
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
		if w, ok := want[texts[i]]; ok && w != texts[i+1] {
			t.Errorf("%s = %s, want %s", texts[i], texts[i+1], w)
		}
	}
	if _, code := h.open("x", 1); code != statusIsDir {
		t.Errorf("open a folder = %d, want %d", code, statusIsDir)
	}
	if _, code := h.open("x/none", 1); code != statusNotFound {
		t.Errorf("open what is not there = %d, want %d", code, statusNotFound)
	}
	_, _, names := h.ask(opReadDir, list("x"), nil)
	if got := string(names); got != ".\x00..\x00g\x00y\x00" {
		t.Errorf("folder = %q", got)
	}
	step("remove all", opRemoveContents, list("x"), statusOK)
}

func TestNothingLeavesTheRoot(t *testing.T) {
	h := newHost(t, 1<<30, nil)
	secret := filepath.Join(filepath.Dir(h.dir), "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret", "/../../secret", "a/../../secret"} {
		if _, code := h.open(name, 1); code != statusNotFound {
			t.Errorf("open %q = %d, want %d", name, code, statusNotFound)
		}
	}
	if code := h.code(opLink, append(word(2), list("../secret", "out")...), nil); code != statusOK {
		t.Fatalf("symbolic link = %d", code)
	}
	if _, code := h.open("out", 1); code == statusOK {
		t.Error("a symbolic link leads out of the root")
	}
	if _, code := h.open("out", 3); code == statusOK {
		t.Error("a symbolic link lets hosts write outside of the root")
	}
	if code := h.code(opRename, list("out", "../out"), nil); code != statusOK {
		t.Errorf("rename below the top = %d: \"..\" stops at the root", code)
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != "s" {
		t.Errorf("the file outside of the root: %q, %v", text, err)
	}
}

func TestTopIsAllThatIsSeen(t *testing.T) {
	h := newHost(t, 1<<30, func(s *Server) { s.Top = "Documents" })
	for _, d := range []string{"Documents", "Library"} {
		if err := os.Mkdir(filepath.Join(h.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, names := h.ask(opReadDir, list("/"), nil); string(names) != ".\x00..\x00Documents\x00" {
		t.Errorf("top = %q", names)
	}
	if _, code := h.open("/Library/x", 3); code != statusDenied {
		t.Errorf("write beside Documents = %d, want %d", code, statusDenied)
	}
	if _, code := h.open("/Documents/x", 3); code != statusOK {
		t.Errorf("write in Documents = %d", code)
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	h := newHost(t, 1<<30, func(s *Server) { s.ReadOnly = true })
	if _, code := h.open("x", 3); code != statusDenied {
		t.Errorf("open for writing = %d, want %d", code, statusDenied)
	}
	if code := h.code(opMakeDir, list("d"), nil); code != statusDenied {
		t.Errorf("make a folder = %d, want %d", code, statusDenied)
	}
}

func TestFullDiskKeepsTheConnectionInStep(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	file, _ := h.open("big", 3)
	if code := h.code(opWrite, word(file), make([]byte, 4<<20)); code != statusNoSpace {
		t.Fatalf("write = %d, want %d", code, statusNoSpace)
	}
	if code := h.code(opRemove, list("big"), nil); code != statusOK {
		t.Errorf("remove after a full disk = %d", code)
	}
	kind, _, info := h.ask(opDeviceInfo, nil, nil)
	if kind != opData || !bytes.Contains(info, []byte("FSTotalBytes\x001048576\x00")) {
		t.Errorf("device info: %q", info)
	}
}

func TestScriptedStatus(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	if err := h.Faults.Add(faults.Fault{Service: "com.apple.afc", Kind: faults.Reply, Code: 20, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if code := h.code(opMakeDir, list("d"), nil); code != statusIO {
		t.Errorf("scripted = %d, want 20", code)
	}
	if code := h.code(opMakeDir, list("d"), nil); code != statusOK {
		t.Errorf("after the fault = %d", code)
	}
}

func TestHandlesAreBounded(t *testing.T) {
	h := newHost(t, 1<<20, nil)
	for range maxHandles {
		if _, code := h.open("f", 2); code != statusOK {
			t.Fatalf("open = %d", code)
		}
	}
	if _, code := h.open("f", 2); code != statusNoResources {
		t.Errorf("one handle too many = %d, want %d", code, statusNoResources)
	}
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
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		storage, err := disk.Open(dir, 1<<16, hosttest.NewClock())
		if err != nil {
			t.Fatal(err)
		}
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
