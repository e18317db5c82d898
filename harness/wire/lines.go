package wire

import "bytes"

// MaxLine is the longest event line that is read, in bytes. A tokens line of a thousand tokens has some 50 kB; what is
// longer than this is damage, and is cut so that it cannot fill the host's memory.
const MaxLine = 4 << 20

// Lines cuts a growing event file into lines, by the rules of the package's documentation. It neither reads nor waits,
// so that a reader that lost its cable goes on where it was: [Lines.Offset] is where. The zero value is at the file's
// beginning. However the bytes are handed in, the lines are the same.
type Lines struct {
	offset int64
	number int    // of the last line handed on
	last   []byte // the last line handed on
	rest   []byte // of the line that has not ended, at most MaxLine bytes
	cut    bool   // the line that has not ended is longer than that
}

// Feed takes the bytes at Offset and calls emit for every line that they complete, numbered from 1. The text is without
// its line ending and has at most MaxLine bytes; it is the caller's to keep, unchanged.
func (l *Lines) Feed(p []byte, emit func(number int, text []byte)) {
	l.offset += int64(len(p))
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.keep(p)
			return
		}
		l.keep(p[:end])
		p = p[end+1:]
		if !l.cut {
			l.rest = bytes.TrimSuffix(l.rest, []byte("\r"))
		}
		l.flush(emit)
	}
}

func (l *Lines) keep(p []byte) {
	if room := MaxLine - len(l.rest); len(p) > room {
		p, l.cut = p[:room], true
	}
	l.rest = append(l.rest, p...)
}

func (l *Lines) flush(emit func(int, []byte)) {
	l.number++
	l.last, l.rest, l.cut = l.rest, nil, false
	emit(l.number, l.last)
}

// Close ends the file, whose writer has ended: a last line without its ending is handed on as it stands.
func (l *Lines) Close(emit func(number int, text []byte)) {
	if len(l.rest) > 0 {
		l.flush(emit)
	}
}

// Offset is how many bytes were taken: where in the file the next read begins.
func (l *Lines) Offset() int64 { return l.offset }

// Number is the number of the last line handed on, 0 before the first.
func (l *Lines) Number() int { return l.number }

// Last is the last line handed on, nil before the first.
func (l *Lines) Last() []byte { return l.last }

// Partial is what is held of the line that has not ended, at most MaxLine bytes. It is valid until the next Feed.
func (l *Lines) Partial() []byte { return l.rest }
