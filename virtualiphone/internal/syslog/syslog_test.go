package syslog

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// listen connects a host and returns its reader.
func listen(t *testing.T, l *Log) *bufio.Reader {
	t.Helper()
	near, far := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- l.Serve(context.Background(), far) }()
	t.Cleanup(func() {
		near.Close()
		far.Close()
		<-done
	})
	return bufio.NewReader(near)
}

func next(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	text, err := r.ReadString(0)
	require.NoError(t, err)
	return text
}

func TestRelay(t *testing.T) {
	l := New(hosttest.NewClock())
	l.Printf("App", 7, "before")
	host := listen(t, l)
	got, want := next(t, host), "Nov  3 04:05:06 iPhone App[7] <Notice>: before\n\x00"
	assert.Equal(t, want, got, "first message")
	l.Printf("App", 7, "with a \x00 inside")
	got = next(t, host)
	assert.True(t, strings.HasSuffix(got, "with a  inside\n\x00"), "second message = %q", got)
}

func TestSlowListenersLoseMessagesAndAreTold(t *testing.T) {
	l := New(hosttest.NewClock())
	host := listen(t, l)
	l.Printf("App", 7, "first")
	next(t, host) // the listener is known to be in place
	for i := range queued + 500 {
		l.Printf("App", 7, "line %d", i)
	}
	told := false
	for range queued + 2 {
		text := next(t, host)
		told = told || strings.Contains(text, "messages lost")
		if strings.Contains(text, fmt.Sprintf("line %d\n", queued-1)) {
			break
		}
	}
	assert.True(t, told, "nobody said that messages were lost")
}

func TestWriterMakesLines(t *testing.T) {
	l := New(hosttest.NewClock())
	w := &Writer{Log: l, Process: "App", PID: func() int { return 7 }}
	fmt.Fprint(w, "one\ntw")
	fmt.Fprint(w, "o\n"+strings.Repeat("x", longest+10))
	w.Flush()
	var got []string
	for _, line := range l.recent {
		_, text, _ := strings.Cut(line, "<Notice>: ")
		got = append(got, fmt.Sprint(len(text)))
	}
	// "one\n", "two\n", the longest message with its mark and newline, and a rest of eleven less the newline.
	require.GreaterOrEqual(t, len(got), 3, "lengths")
	require.Equal(t, "4", got[0], "lengths")
	assert.Equal(t, "4", got[1], "lengths")
	total := 0
	for _, line := range l.recent {
		total += strings.Count(line, "x")
	}
	assert.GreaterOrEqual(t, total, longest, "%d of %d characters arrived", total, longest+10)
}
