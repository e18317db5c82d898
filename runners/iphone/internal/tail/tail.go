// Package tail follows a file of lines that grows on a phone: bytes from a known offset come in, whole lines with
// their numbers go out, and the offset to ask for next. It is pure: it neither reads nor waits, so that a reader that lost its
// cable goes on where it was.
package tail

import "bytes"

// MaxLine is the longest line that is handed on whole, in bytes. Longer ones are handed on cut, so that a writer gone
// wild cannot fill the host's memory.
const MaxLine = 16 << 20

// Lines is how far a file has been read.
type Lines struct {
	offset  int64  // of the next byte to be read
	number  int    // of the last line handed on; the first line is 1
	partial []byte // begun, its end not yet written
	skip    bool   // inside a line that was cut
	last    []byte // last line handed on
}

// Offset is where the next read begins.
func (l *Lines) Offset() int64 { return l.offset }

// Number is the number of the last line handed on, 0 before the first.
func (l *Lines) Number() int { return l.number }

// Last is the last line handed on. It is valid until the next Take.
func (l *Lines) Last() []byte { return l.last }

// Partial is the begun line whose end has not been written yet.
func (l *Lines) Partial() []byte { return l.partial }

// Take adds bytes read at Offset and hands on every line that they complete. The text is the caller's to keep.
func (l *Lines) Take(b []byte, line func(number int, text []byte)) {
	l.offset += int64(len(b))
	for {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			break
		}
		l.finish(b[:end], line)
		b = b[end+1:]
	}
	if !l.skip {
		l.partial = append(l.partial, b...)
		if len(l.partial) > MaxLine {
			l.emit(l.partial[:MaxLine:MaxLine], line)
			l.partial, l.skip = nil, true
		}
	}
}

// finish ends the line that rest completes.
func (l *Lines) finish(rest []byte, line func(int, []byte)) {
	if l.skip {
		l.skip = false
		return
	}
	text := make([]byte, 0, len(l.partial)+len(rest))
	text = append(append(text, l.partial...), rest...)
	l.partial = nil
	l.emit(text, line)
}

func (l *Lines) emit(text []byte, line func(int, []byte)) {
	l.number++
	l.last = text
	line(l.number, text)
}
