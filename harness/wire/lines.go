package wire

import "bytes"

// MaxLine is the longest event line that is read, in bytes. A tokens line of a thousand tokens has some 50 kB; what is
// longer than this is damage, and is cut so that it cannot fill the host's memory.
const MaxLine = 4 << 20

// Lines cuts a growing event file into complete lines. The zero value reads from the file's beginning.
type Lines struct {
	number int
	rest   []byte // of the line that has not ended; bytes beyond MaxLine are dropped
}

// Feed takes the next bytes of the file and calls emit for every line that they complete, numbered from 1. The text
// has no newline and at most MaxLine bytes; it belongs to the caller. Empty lines are counted and passed on.
func (l *Lines) Feed(p []byte, emit func(number int, text []byte)) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.keep(p)
			return
		}
		l.keep(p[:end])
		p = p[end+1:]
		l.flush(emit)
	}
}

func (l *Lines) keep(p []byte) {
	if room := MaxLine - len(l.rest); len(p) > room {
		p = p[:room]
	}
	l.rest = append(l.rest, p...)
}

func (l *Lines) flush(emit func(int, []byte)) {
	l.number++
	text := bytes.TrimSuffix(l.rest, []byte("\r"))
	l.rest = nil
	emit(l.number, text)
}

// Close ends the file: a last line that was never completed by a newline is emitted as it stands.
func (l *Lines) Close(emit func(number int, text []byte)) {
	if len(l.rest) > 0 {
		l.flush(emit)
	}
}

// Pending reports how many bytes of an incomplete line are held.
func (l *Lines) Pending() int { return len(l.rest) }
