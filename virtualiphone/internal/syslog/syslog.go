// Package syslog is the virtual iPhone's system log: lines from its processes, kept for a while, sent to every host
// that listens. In come lines, out goes text, each message ending in a zero byte. A host that does not read loses
// messages; it never holds up the phone.
package syslog

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/lilims/bench/virtualiphone/internal/clock"
)

const (
	kept     = 256     // messages that a new listener is sent first
	queued   = 4096    // messages that a slow listener may lag behind
	longest  = 8 << 10 // bytes of one message
	hostname = "iPhone"
)

// Log is one phone's system log. It is safe for concurrent use.
type Log struct {
	clock clock.Clock

	mu        sync.Mutex
	recent    []string
	listeners map[*listener]struct{}
}

type listener struct {
	queue chan string
	lost  int
}

// New returns an empty log.
func New(clock clock.Clock) *Log {
	return &Log{clock: clock, listeners: map[*listener]struct{}{}}
}

// Printf logs a line of a process at level Notice.
func (l *Log) Printf(process string, pid int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	text = strings.ReplaceAll(text, "\x00", "")
	line := fmt.Sprintf("%s %s %s[%d] <Notice>: %s\n", l.clock.Now().Format("Jan _2 15:04:05"), hostname, process, pid, text)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent = append(l.recent, line)
	if len(l.recent) > kept {
		l.recent = append(l.recent[:0:0], l.recent[len(l.recent)-kept:]...)
	}
	for listener := range l.listeners {
		select {
		case listener.queue <- line:
		default:
			listener.lost++
		}
	}
}

// Recent returns the lines that a new listener would be sent first, without their ends.
func (l *Log) Recent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := make([]string, len(l.recent))
	for i, line := range l.recent {
		lines[i] = strings.TrimSuffix(line, "\n")
	}
	return lines
}

// Serve is the service com.apple.syslog_relay.
func (l *Log) Serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	me := &listener{queue: make(chan string, queued)}
	l.mu.Lock()
	first := append([]string(nil), l.recent...)
	l.listeners[me] = struct{}{}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.listeners, me)
		l.mu.Unlock()
	}()
	go func() { // hosts may say something at the start; what matters is when they leave
		defer cancel()
		scratch := make([]byte, 512)
		for {
			if _, err := conn.Read(scratch); err != nil {
				return
			}
		}
	}()
	for _, line := range first {
		if err := send(conn, line); err != nil {
			return err
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case line := <-me.queue:
			if err := l.relay(conn, me, line); err != nil {
				return err
			}
		}
	}
}

// relay sends a line, and says so when the listener has missed some before it.
func (l *Log) relay(conn net.Conn, me *listener, line string) error {
	l.mu.Lock()
	lost := me.lost
	me.lost = 0
	l.mu.Unlock()
	if lost > 0 {
		if err := send(conn, fmt.Sprintf("--- %d messages lost ---\n", lost)); err != nil {
			return err
		}
	}
	return send(conn, line)
}

func send(conn net.Conn, line string) error {
	_, err := conn.Write(append([]byte(line), 0))
	return err
}

// Writer turns what a process writes into lines of the log. One goroutine writes.
type Writer struct {
	Log     *Log
	Process string
	PID     func() int
	rest    []byte
}

// Write logs every whole line; the rest waits for its end, or for the longest length that a message may have.
func (w *Writer) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 && len(w.rest) < longest {
			return len(p), nil
		}
		line := w.rest
		if end >= 0 {
			line = w.rest[:end]
		}
		w.Log.Printf(w.Process, w.PID(), "%s", line)
		w.rest = append(w.rest[:0], w.rest[min(len(line)+1, len(w.rest)):]...)
	}
}

// Flush logs an unfinished last line.
func (w *Writer) Flush() {
	if len(w.rest) > 0 {
		w.Log.Printf(w.Process, w.PID(), "%s", w.rest)
		w.rest = nil
	}
}
