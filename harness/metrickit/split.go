package metrickit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Split calls yield with each payload of a file: the file as a whole, or the elements of a list, or one payload after
// another, as in JSON lines. It holds one payload at a time, however deep it nests, and does not look into it. A text that
// is no JSON object is yielded as it stands, with the error that says where, so that it can be kept; what follows it on
// lines of its own is read all the same. Split ends early with yield's error, and with ErrTooLarge at a payload or a text
// that does not end within MaxBytes.
func Split(from io.Reader, yield func(raw []byte, problem error) error) error {
	s := splitter{from: from, yield: yield}
	for {
		more, err := s.next()
		if err != nil || !more {
			return err
		}
	}
}

// splitter cuts a stream at the ends of JSON objects.
type splitter struct {
	from   io.Reader
	yield  func(raw []byte, problem error) error
	whole  []byte // what buffer is a part of
	buffer []byte // what is read and not yet yielded
	offset int64  // of the buffer's beginning in the file
	ended  bool   // the file has
	begun  bool   // something of it has been looked at
	inList bool
}

const splitChunk = 128 << 10

// makeRoom moves the buffer's rest to its beginning: what was yielded is a copy. One that fills half of it gets a larger one.
func (s *splitter) makeRoom() {
	const most = MaxBytes + splitChunk
	if least := min(2*len(s.buffer)+splitChunk, most); len(s.whole) < least {
		s.whole = make([]byte, min(max(2*len(s.whole), least), most))
	}
	s.buffer = s.whole[:copy(s.whole, s.buffer)]
}

// fill reads more of the file. False: there is no more.
func (s *splitter) fill() (bool, error) {
	if s.ended {
		return false, nil
	}
	if len(s.buffer) >= MaxBytes {
		return false, ErrTooLarge
	}
	chunk := min(splitChunk, MaxBytes-len(s.buffer))
	if cap(s.buffer)-len(s.buffer) < chunk {
		s.makeRoom()
	}
	n, err := io.ReadAtLeast(s.from, s.buffer[len(s.buffer):len(s.buffer)+chunk], 1)
	s.buffer = s.buffer[:len(s.buffer)+n]
	switch {
	case errors.Is(err, io.EOF):
		s.ended = true
	case err != nil:
		return false, err
	}
	return n > 0, nil
}

// drop lets go of the buffer's first n bytes.
func (s *splitter) drop(n int) {
	s.buffer, s.offset = s.buffer[n:], s.offset+int64(n)
}

// next yields what comes next. False: the file is at its end.
func (s *splitter) next() (bool, error) {
	first, ok, err := s.peek()
	switch {
	case err != nil:
		return false, err
	case !ok && s.inList:
		return false, s.yield(nil, fmt.Errorf("no JSON at byte %d: the list of payloads is not closed", s.offset))
	case !ok:
		return false, nil
	}
	switch {
	case first == '{':
		return true, s.object()
	case first == '[' && !s.inList, first == ']' && s.inList, first == ',' && s.inList:
		s.inList = first != ']'
		s.drop(1)
		return true, nil
	}
	return true, s.foreign(first)
}

// peek returns the next byte that is no space.
func (s *splitter) peek() (byte, bool, error) {
	for {
		if !s.begun && len(s.buffer) >= len(byteOrderMark) {
			s.begun = true
			if bytes.HasPrefix(s.buffer, byteOrderMark) {
				s.drop(len(byteOrderMark))
			}
		}
		for i, b := range s.buffer {
			if (s.begun || s.ended) && b != ' ' && b != '\t' && b != '\r' && b != '\n' {
				s.drop(i)
				return b, true, nil
			}
		}
		if s.begun || s.ended {
			s.drop(len(s.buffer))
		}
		more, err := s.fill()
		if err != nil || !more && s.begun {
			return 0, false, err
		}
		s.begun = s.begun || !more
		if !more && len(s.buffer) == 0 {
			return 0, false, nil
		}
	}
}

// object yields the object that the buffer begins with.
func (s *splitter) object() error {
	depth, inString := 0, false
	for i := 0; ; {
		for buffer := s.buffer; i < len(buffer); i++ {
			b := buffer[i]
			switch {
			case inString:
				for b != '"' && b != '\\' && i+1 < len(buffer) { // most of a payload is text
					i++
					b = buffer[i]
				}
				if b == '\\' {
					i++ // and with it what it escapes, which may not have been read yet
				}
				inString = b != '"'
			case b == '"':
				inString = true
			case b == '{' || b == '[':
				depth++
			case b == '}' || b == ']':
				if depth--; depth == 0 {
					raw := bytes.Clone(buffer[:i+1])
					s.drop(i + 1)
					return s.yield(raw, nil)
				}
			}
		}
		more, err := s.fill()
		if err != nil {
			return err
		}
		if !more {
			return s.unfinished()
		}
	}
}

// unfinished yields an object that the file does not bring to its end. Where another begins on a line of its own, the
// first is taken to end before it.
func (s *splitter) unfinished() error {
	end := len(s.buffer)
	if next := bytes.Index(s.buffer, []byte("\n{")); next >= 0 {
		end = next
	}
	problem := fmt.Errorf("no JSON at byte %d: the payload that begins here is cut off", s.offset)
	raw := bytes.Clone(s.buffer[:end])
	s.drop(end)
	return s.yield(raw, problem)
}

// foreign yields what is no object, to the end of its line.
func (s *splitter) foreign(first byte) error {
	for searched := 0; ; {
		if at := bytes.IndexByte(s.buffer[searched:], '\n'); at >= 0 {
			return s.yieldForeign(first, searched+at)
		}
		searched = len(s.buffer)
		more, err := s.fill()
		if err != nil {
			return err
		}
		if !more {
			return s.yieldForeign(first, len(s.buffer))
		}
	}
}

func (s *splitter) yieldForeign(first byte, end int) error {
	problem := fmt.Errorf("no JSON at byte %d: a payload is a JSON object, this begins with %q", s.offset, first)
	raw := bytes.Clone(bytes.TrimRight(s.buffer[:end], "\r"))
	s.drop(end)
	return s.yield(raw, problem)
}
