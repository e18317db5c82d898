package syslog

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

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
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRelay(t *testing.T) {
	l := New(hosttest.NewClock())
	l.Printf("App", 7, "before")
	host := listen(t, l)
	if got, want := next(t, host), "Nov  3 04:05:06 iPhone App[7] <Notice>: before\n\x00"; got != want {
		t.Errorf("first message = %q, want %q", got, want)
	}
	l.Printf("App", 7, "with a \x00 inside")
	if got := next(t, host); !strings.HasSuffix(got, "with a  inside\n\x00") {
		t.Errorf("second message = %q", got)
	}
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
	if !told {
		t.Error("nobody said that messages were lost")
	}
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
	if len(got) < 3 || got[0] != "4" || got[1] != "4" {
		t.Errorf("lengths = %v", got)
	}
	total := 0
	for _, line := range l.recent {
		total += strings.Count(line, "x")
	}
	if total < longest {
		t.Errorf("%d of %d characters arrived", total, longest+10)
	}
}
