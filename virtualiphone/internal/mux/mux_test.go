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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	assert.Equal(t, "buid", host.Ask(map[string]any{"MessageType": "ReadBUID"}).String("BUID"), "BUID")
	assert.Equal(t, uint64(resultBadDevice), ask("ReadPairRecord", nil), "record of a phone that was never paired")
	assert.Equal(t, uint64(resultOK), ask("SavePairRecord", []byte("r")), "save")
	assert.Equal(t, "r", string(host.Ask(map[string]any{"MessageType": "ReadPairRecord", "PairRecordID": "u"}).Bytes("PairRecordData")),
		"record")
	assert.Equal(t, uint64(resultOK), ask("DeletePairRecord", nil), "delete")
	assert.NotEqual(t, uint64(resultOK), host.Ask(map[string]any{"MessageType": "SavePairRecord", "PairRecordID": "../x"}).Uint("Number"),
		"a record was saved under a path")
	assert.Equal(t, uint64(resultBadCommand), host.Ask(map[string]any{"MessageType": "Nonsense"}).Uint("Number"), "an unknown request")
}

func TestConnect(t *testing.T) {
	s, host := newMux(t)
	gone := make(chan struct{}, 1)
	id := s.Attach(echo("00008120-0000000000000001", gone))
	conn, err := host.Connect("00008120-0000000000000001", 7)
	require.NoError(t, err)
	_, err = conn.Write([]byte("hello"))
	require.NoError(t, err)
	var back [5]byte
	_, err = io.ReadFull(conn, back[:])
	require.NoError(t, err, "echo")
	assert.Equal(t, "hello", string(back[:]), "echo")
	_, err = host.Connect("00008120-0000000000000001", 8)
	require.ErrorContains(t, err, "result 3", "a port where nothing listens")
	held, err := host.Connect("00008120-0000000000000001", 9)
	require.NoError(t, err)
	s.Detach(id)
	<-gone
	for _, c := range []net.Conn{conn, held} {
		_, err := c.Read(back[:])
		require.Error(t, err, "a stream outlived the cable")
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
		require.NoError(t, hosttest.Send(conn, 5, map[string]any{"MessageType": "Connect", "DeviceID": step.id, "PortNumber": step.port}))
		tag, answer, err := hosttest.Receive(conn)
		require.NoError(t, err, "connect to device %d port %d", step.id, step.port)
		require.Equal(t, uint32(5), tag, "connect to device %d port %d", step.id, step.port)
		require.Equal(t, step.want, answer.Uint("Number"), "connect to device %d port %d", step.id, step.port)
	}
}

func TestOldProtocolIsRefused(t *testing.T) {
	_, host := newMux(t)
	conn := host.Dial()
	frame := binary.LittleEndian.AppendUint32(nil, 16)
	for _, word := range []uint32{0, 3, 42} {
		frame = binary.LittleEndian.AppendUint32(frame, word)
	}
	_, err := conn.Write(frame)
	require.NoError(t, err)
	tag, answer, err := hosttest.Receive(conn)
	require.NoError(t, err, "answer")
	assert.Equal(t, uint32(42), tag, "answer")
	assert.Equal(t, uint64(resultBadVersion), answer.Uint("Number"), "answer")
}

func TestListenersSeeOneOrder(t *testing.T) {
	s, host := newMux(t)
	first := s.Attach(echo("a", nil))
	conns := []net.Conn{host.Dial(), host.Dial()}
	for _, conn := range conns {
		require.NoError(t, hosttest.Send(conn, 1, map[string]any{"MessageType": "Listen"}))
		for _, want := range []string{"Result", "Attached"} {
			_, m, err := hosttest.Receive(conn)
			require.NoError(t, err)
			require.Equal(t, want, m.String("MessageType"))
		}
	}
	s.Detach(first)
	second := s.Attach(echo("a", nil))
	assert.NotEqual(t, first, second, "number %d was used twice", first)
	for _, conn := range conns {
		_, m, err := hosttest.Receive(conn)
		require.NoError(t, err)
		assert.Equal(t, "Detached", m.String("MessageType"))
		assert.Equal(t, first, int(m.Uint("DeviceID")))
		_, m, err = hosttest.Receive(conn)
		require.NoError(t, err)
		assert.Equal(t, "Attached", m.String("MessageType"))
		assert.Equal(t, second, int(m.Uint("DeviceID")))
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
