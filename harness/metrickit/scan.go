package metrickit

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// deepest is how deep a payload may nest; it bounds the reader's recursion.
const deepest = 10_000

// scanner reads JSON tokens, strictly but for text that is no UTF-8. It is written for payloads: hundreds of short strings,
// nearly all of them plain, which stay parts of the source.
type scanner struct {
	source string
	at     int
}

// Classes of bytes in a string.
const (
	plainByte = iota
	separatorByte
	endingByte // ends what is plain: a quote, an escape, a control character, what is no ASCII
)

var stringBytes = func() (classes [256]byte) {
	for b := range classes {
		if b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			classes[b] = endingByte
		}
	}
	classes['.'], classes[','] = separatorByte, separatorByte
	return classes
}()

// peek passes over white space and returns the byte behind it; 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.source) {
		switch b := s.source[s.at]; b {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return b
		}
	}
	return 0
}

// expect passes over white space and the byte that must follow it.
func (s *scanner) expect(b byte) error {
	if s.peek() != b {
		return s.unexpected(strconv.QuoteRune(rune(b)))
	}
	s.at++
	return nil
}

// unexpected says what stands where something else should.
func (s *scanner) unexpected(wanted string) error {
	if s.at >= len(s.source) {
		return fmt.Errorf("no JSON at byte %d: the payload ends where %s should stand", s.at, wanted)
	}
	return fmt.Errorf("no JSON at byte %d: %q stands where %s should", s.at, s.source[s.at], wanted)
}

// text reads a string, which begins here. Separated says that it may hold a decimal separator.
func (s *scanner) text() (text string, separated bool, err error) {
	source, begin := s.source, s.at+1
	for i := begin; i < len(source); i++ {
		switch stringBytes[source[i]] {
		case separatorByte:
			separated = true
		case endingByte:
			if source[i] != '"' {
				return s.oddText(begin, i)
			}
			s.at = i + 1
			return source[begin:i], separated, nil
		}
	}
	s.at = len(source)
	return "", false, s.unexpected("a string's end")
}

// oddText reads a string that is not plain from a byte on.
func (s *scanner) oddText(begin, from int) (text string, separated bool, err error) {
	escaped := false
	for s.at = from; s.at < len(s.source); s.at++ {
		switch b := s.source[s.at]; {
		case b == '"':
			text = s.source[begin:s.at]
			if s.at++; escaped || !utf8.ValidString(text) {
				unquoted, _ := jsontext.AppendUnquote(nil, s.source[begin-1:s.at]) // the error says that some was no UTF-8
				text = string(unquoted)
			}
			return text, hasSeparator(text), nil
		case b < ' ':
			return "", false, s.unexpected("a string's character")
		case b == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return "", false, err
			}
		}
	}
	return "", false, s.unexpected("a string's end")
}

// escape moves to the last byte of an escape, which begins here.
func (s *scanner) escape() error {
	s.at++
	digits := 0
	if s.at < len(s.source) {
		switch s.source[s.at] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			return nil
		case 'u':
			for digits < 4 && s.at+1 < len(s.source) && isHex(s.source[s.at+1]) {
				digits++
				s.at++
			}
		}
	}
	if digits < 4 {
		return s.unexpected("an escape")
	}
	return nil
}

func isHex(b byte) bool { return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f' }

// number reads a number, which begins here. One that is beyond what a float can hold comes without a value.
func (s *scanner) number() (value float64, ok bool, err error) {
	begin := s.at
	if s.source[s.at] == '-' {
		s.at++
	}
	whole := s.at
	if s.digits(); s.at == whole || s.at > whole+1 && s.source[whole] == '0' {
		s.at = whole
		return 0, false, s.unexpected("a number")
	}
	if s.at-begin <= 15 && (s.at == len(s.source) || s.source[s.at] != '.' && s.source[s.at]|0x20 != 'e') {
		n, _ := strconv.ParseInt(s.source[whole:s.at], 10, 64) // digits, and few of them
		if value = float64(n); whole > begin {
			value = -value
		}
		return value, true, nil
	}
	if err = s.fraction(); err != nil {
		return 0, false, err
	}
	value, err = strconv.ParseFloat(s.source[begin:s.at], 64)
	return value, err == nil, nil
}

// fraction reads a number's digits behind the point and its exponent, where it has them.
func (s *scanner) fraction() error {
	if s.at < len(s.source) && s.source[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			return s.unexpected("a digit")
		}
	}
	if s.at < len(s.source) && s.source[s.at]|0x20 == 'e' {
		if s.at++; s.at < len(s.source) && (s.source[s.at] == '+' || s.source[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			return s.unexpected("a digit")
		}
	}
	return nil
}

// digits passes over digits and counts them.
func (s *scanner) digits() int {
	begin := s.at
	for s.at < len(s.source) && s.source[s.at] >= '0' && s.source[s.at] <= '9' {
		s.at++
	}
	return s.at - begin
}

// word reads true, false or null.
func (s *scanner) word() error {
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s.source)-s.at >= len(word) && s.source[s.at:s.at+len(word)] == word {
			s.at += len(word)
			return nil
		}
	}
	return s.unexpected("a value")
}
