package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// maxPayload bounds a payload file: real ones have a few kB, a batch of crash reports some MB.
const maxPayload = 256 << 20

// follower hands a launch's lines on as its file grows.
type follower struct {
	*handle
	folder  string
	task    harness.Task
	sink    harness.Sink
	pid     int
	kill    func() // ends the app
	lines   wire.Lines
	ended   bool // the last process wrote its end event
	sampled time.Time
}

// follow reads until the process has ended and its file is read. When ctx ends first, it ends the process, reads what
// is left and returns true.
func (f *follower) follow(ctx context.Context, ended <-chan error) (cancelled bool) {
	for running := true; running; {
		select {
		case <-ended: //nolint:errcheck // how it ended is read of the events
			running = false
		case <-ctx.Done():
			cancelled, running = true, false
			f.kill()
			<-ended
		case <-f.Clock.After(f.Poll):
			f.sample()
		}
		f.read()
	}
	f.lines.Close(f.line)
	return cancelled
}

// read hands on the lines that were completed since. A file that cannot be read now is tried again next time.
func (f *follower) read() {
	file, err := os.Open(filepath.Join(f.folder, "events.jsonl"))
	if err != nil {
		return
	}
	defer file.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := file.ReadAt(buffer, f.lines.Offset())
		f.lines.Feed(buffer[:n], f.line)
		if err != nil {
			return
		}
	}
}

func (f *follower) line(number int, text []byte) {
	line := wire.DecodeLine(number, text)
	if line.Event != nil {
		switch line.Event.Kind {
		case wire.Hello:
			f.ended = false
		case wire.End:
			f.ended = true
		case wire.Payload:
			f.payload(line.Event.File)
		}
	}
	f.sink.Line(number, text)
}

// payload hands on a file that the app has put beside its events. Only names without a folder are looked at.
func (f *follower) payload(name string) {
	if name == "" || name != filepath.Base(name) {
		return
	}
	raw, err := readPayload(filepath.Join(f.folder, name))
	if err != nil {
		f.sink.Note("payload", fmt.Sprintf("%s could not be read: %v", name, err))
		return
	}
	f.sink.Payload(name, raw)
}

func readPayload(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no file")
	case info.Size() > maxPayload:
		return nil, fmt.Errorf("it has %d bytes; it stays where it is: %s", info.Size(), path)
	}
	return io.ReadAll(file)
}

// sample reads the process's footprint when it is time.
func (f *follower) sample() {
	now := f.Clock.Now()
	if !due(&f.sampled, now, f.task.TelemetryInterval) {
		return
	}
	if bytes := footprint(f.pid); bytes != nil {
		f.sink.Sample(harness.Sample{
			Session: f.task.Session, Metric: harness.FootprintHost, Value: float64(*bytes), Unit: "B", At: now, Source: harness.SourceHost,
			Method: "proc",
		})
	}
}
