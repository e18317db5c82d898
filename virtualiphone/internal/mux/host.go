package mux

import (
	"context"
	"errors"
	"net"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// serveHost answers one host connection until it is done, or has become a stream to a phone and that has ended.
func (s *Server) serveHost(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for {
		tag, request, err := readFrame(conn)
		if errors.Is(err, errVersion) {
			_ = s.result(conn, tag, resultBadVersion)
			return
		}
		if err != nil {
			return // the host left, or spoke something that is no request
		}
		switch request.String("MessageType") {
		case "Connect":
			if s.connect(ctx, conn, tag, request) {
				return
			}
		case "Listen":
			s.listen(conn, tag)
			return
		default:
			if err := s.answer(conn, tag, request); err != nil {
				return
			}
		}
	}
}

// answer serves the requests that leave the connection as it is.
func (s *Server) answer(conn net.Conn, tag uint32, request plistio.Dict) error {
	udid := request.String("PairRecordID")
	switch request.String("MessageType") {
	case "ListDevices":
		return writeFrame(conn, tag, map[string]any{"DeviceList": s.deviceList()})
	case "ListListeners":
		return writeFrame(conn, tag, map[string]any{"ListenerList": []any{}})
	case "ReadBUID":
		return writeFrame(conn, tag, map[string]any{"BUID": s.records.BUID()})
	case "ReadPairRecord":
		record, ok := s.records.ReadRecord(udid)
		if !ok {
			return s.result(conn, tag, resultBadDevice)
		}
		return writeFrame(conn, tag, map[string]any{"PairRecordData": record})
	case "SavePairRecord":
		return s.stored(conn, tag, s.records.SaveRecord(udid, request.Bytes("PairRecordData")))
	case "DeletePairRecord":
		return s.stored(conn, tag, s.records.DeleteRecord(udid))
	default:
		return s.result(conn, tag, resultBadCommand)
	}
}

func (s *Server) stored(conn net.Conn, tag uint32, err error) error {
	if err != nil {
		s.log.Warn("pair record not changed", "err", err)
		return s.result(conn, tag, resultBadDevice)
	}
	return s.result(conn, tag, resultOK)
}

func (s *Server) result(conn net.Conn, tag uint32, number int) error {
	return writeFrame(conn, tag, map[string]any{"MessageType": "Result", "Number": number})
}

// connect hands the connection to a port of a phone. It reports whether the connection was used up; after a refusal
// the host may ask again.
func (s *Server) connect(ctx context.Context, conn net.Conn, tag uint32, request plistio.Dict) bool {
	a, ok := s.lookup(int(request.Uint("DeviceID")))
	if !ok {
		return s.result(conn, tag, resultBadDevice) != nil
	}
	wire := uint16(request.Uint("PortNumber"))
	port := wire<<8 | wire>>8 // hosts send it in network byte order inside the plist
	serve, err := a.device.Open(port)
	if err != nil {
		return s.result(conn, tag, resultRefused) != nil
	}
	if s.result(conn, tag, resultOK) != nil {
		return true
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unplugged := context.AfterFunc(a.ctx, func() {
		cancel()
		conn.Close()
	})
	defer unplugged()
	serve(ctx, conn)
	return true
}

// watcher is a host that listens for plugging and unplugging. Its queue is bounded: a host that does not read is
// dropped rather than waited for.
type watcher struct {
	queue chan map[string]any
	drop  context.CancelFunc
}

func (w *watcher) push(message map[string]any) {
	select {
	case w.queue <- message:
	default:
		w.drop()
	}
}

// listen sends the attached devices and then every change until the host leaves.
func (s *Server) listen(conn net.Conn, tag uint32) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	w := &watcher{queue: make(chan map[string]any, 256), drop: cancel}
	if s.result(conn, tag, resultOK) != nil {
		return
	}
	s.mu.Lock()
	for _, a := range s.ordered() {
		w.push(attachedMessage(a))
	}
	s.watchers[w] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, w)
		s.mu.Unlock()
	}()
	go func() { // a listening host sends nothing more; a read ends when it leaves
		defer cancel()
		var one [1]byte
		_, _ = conn.Read(one[:])
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-w.queue:
			if writeFrame(conn, 0, message) != nil {
				return
			}
		}
	}
}
