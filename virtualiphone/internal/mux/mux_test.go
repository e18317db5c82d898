package mux

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// shelf keeps records in memory.
type shelf struct{ records map[string][]byte }

func (s *shelf) BUID() string { return "buid" }

func (s *shelf) ReadRecord(udid string) ([]byte, bool) {
	r, ok := s.records[udid]
	return r, ok
}

func (s *shelf) SaveRecord(udid string, record []byte) error {
	if strings.Contains(udid, "/") {
		return errors.New("no UDID")
	}
	s.records[udid] = record
	return nil
}

func (s *shelf) DeleteRecord(udid string) error {
	delete(s.records, udid)
	return nil
}

// echo is a phone that listens on port 7 and sends back what it gets, and on 9, where it waits to be unplugged.
func echo(udid string, gone chan<- struct{}) Device {
	return Device{UDID: udid, ProductID: 0x12A8, Open: func(port uint16) (Handler, error) {
		switch port {
		case 7:
			return func(_ context.Context, conn net.Conn) { io.Copy(conn, conn) }, nil
		case 9:
			return func(ctx context.Context, conn net.Conn) {
				<-ctx.Done()
				gone <- struct{}{}
			}, nil
		}
		return nil, ErrRefused
	}}
}

func newMux(t *testing.T) (*Server, hosttest.Host) {
	t.Helper()
	s := NewServer(&shelf{map[string][]byte{}}, slog.New(slog.DiscardHandler))
	return s, hosttest.Serve(t, s.Serve)
}

func TestPairRecords(t *testing.T) {
	_, host := newMux(t)
	ask := func(kind string, data []byte) uint64 {
		t.Helper()
		return host.Ask(map[string]any{"MessageType": kind, "PairRecordID": "u", "PairRecordData": data}).Uint("Number")
	}
	if got := host.Ask(map[string]any{"MessageType": "ReadBUID"}).String("BUID"); got != "buid" {
		t.Errorf("BUID = %q", got)
	}
	if got := ask("ReadPairRecord", nil); got != resultBadDevice {
		t.Errorf("record of a phone that was never paired = %d, want %d", got, resultBadDevice)
	}
	if got := ask("SavePairRecord", []byte("r")); got != resultOK {
		t.Errorf("save = %d", got)
	}
	if got := host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": "u"}).Bytes("PairRecordData"); string(got) != "r" {
		t.Errorf("record = %q", got)
	}
	if got := ask("DeletePairRecord", nil); got != resultOK {
		t.Errorf("delete = %d", got)
	}
	if got := host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "../x"}).Uint("Number"); got == resultOK {
		t.Error("a record was saved under a path")
	}
	if got := host.Ask(map[string]any{"MessageType": "Nonsense"}).Uint("Number"); got != resultBadCommand {
		t.Errorf("an unknown request = %d, want %d", got, resultBadCommand)
	}
}

func TestConnect(t *testing.T) {
	s, host := newMux(t)
	gone := make(chan struct{}, 1)
	id := s.Attach(echo("00008120-0000000000000001", gone))
	conn, err := host.Connect("00008120-0000000000000001", 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	var back [5]byte
	if _, err := io.ReadFull(conn, back[:]); err != nil || string(back[:]) != "hello" {
		t.Errorf("echo = %q, %v", back, err)
	}
	if _, err := host.Connect("00008120-0000000000000001", 8); err == nil || !strings.Contains(err.Error(), "result 3") {
		t.Errorf("a port where nothing listens: %v, want result 3", err)
	}
	held, err := host.Connect("00008120-0000000000000001", 9)
	if err != nil {
		t.Fatal(err)
	}
	s.Detach(id)
	<-gone
	for _, c := range []net.Conn{conn, held} {
		if _, err := c.Read(back[:]); err == nil {
			t.Error("a stream outlived the cable")
		}
	}
	s.Detach(id) // pulling what is not plugged in does nothing
}

func TestARefusedHostMayAskAgain(t *testing.T) {
	s, host := newMux(t)
	id := s.Attach(echo("u", nil))
	conn := host.Dial()
	for _, step := range []struct {
		id, port int
		want     uint64
	}{{id + 1, 7, resultBadDevice}, {id, 8 << 8, resultRefused}, {id, 7 << 8, resultOK}} {
		if err := hosttest.Send(conn, 5, map[string]any{"MessageType": "Connect", "DeviceID": step.id, "PortNumber": step.port}); err != nil {
			t.Fatal(err)
		}
		tag, answer, err := hosttest.Receive(conn)
		if err != nil || tag != 5 || answer.Uint("Number") != step.want {
			t.Fatalf("connect to device %d port %d: %v, %v; want result %d", step.id, step.port, answer, err, step.want)
		}
	}
}

func TestOldProtocolIsRefused(t *testing.T) {
	_, host := newMux(t)
	conn := host.Dial()
	frame := binary.LittleEndian.AppendUint32(nil, 16)
	for _, word := range []uint32{0, 3, 42} {
		frame = binary.LittleEndian.AppendUint32(frame, word)
	}
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	if tag, answer, err := hosttest.Receive(conn); err != nil || tag != 42 || answer.Uint("Number") != resultBadVersion {
		t.Errorf("answer = %v with tag %d, %v; want result %d", answer, tag, err, resultBadVersion)
	}
}

func TestListenersSeeOneOrder(t *testing.T) {
	s, host := newMux(t)
	first := s.Attach(echo("a", nil))
	conns := []net.Conn{host.Dial(), host.Dial()}
	for _, conn := range conns {
		if err := hosttest.Send(conn, 1, map[string]any{"MessageType": "Listen"}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Result", "Attached"} {
			if _, m, err := hosttest.Receive(conn); err != nil || m.String("MessageType") != want {
				t.Fatalf("got %v, %v; want %s", m, err, want)
			}
		}
	}
	s.Detach(first)
	second := s.Attach(echo("a", nil))
	if second == first {
		t.Errorf("number %d was used twice", first)
	}
	for _, conn := range conns {
		if _, m, err := hosttest.Receive(conn); err != nil || m.String("MessageType") != "Detached" || int(m.Uint("DeviceID")) != first {
			t.Errorf("got %v, %v; want Detached %d", m, err, first)
		}
		if _, m, err := hosttest.Receive(conn); err != nil || m.String("MessageType") != "Attached" || int(m.Uint("DeviceID")) != second {
			t.Errorf("got %v, %v; want Attached %d", m, err, second)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	var good bytes.Buffer
	writeFrame(&good, 3, map[string]any{"MessageType": "Connect", "DeviceID": 1, "PortNumber": 1000})
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:20])
	f.Add([]byte("\xff\xff\xff\xff\x01\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		r := bytes.NewReader(input)
		for {
			if _, _, err := readFrame(r); err != nil {
				return
			}
		}
	})
}
