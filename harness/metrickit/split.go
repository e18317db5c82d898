package metrickit

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Split calls yield with each payload of a file: the file as a whole, or the elements of a list, or one payload after
// another, as in JSON lines. It holds one payload at a time. A text that is no JSON is yielded as it stands from there
// on, with the error that says where, so that it can be kept. Split ends early with yield's error.
func Split(from io.Reader, yield func(raw []byte, problem error) error) error {
	// MaxBytes bounds what a damaged or foreign file can make us hold.
	limited := &limitReader{from: from, left: MaxBytes}
	decoder := jsontext.NewDecoder(limited, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	depth := 0
	for {
		limited.left = MaxBytes
		kind := decoder.PeekKind()
		if kind == '[' && depth == 0 || kind == ']' {
			if _, err := decoder.ReadToken(); err != nil {
				return yield(decoder.UnreadBuffer(), located(decoder, err))
			}
			depth ^= 1
			continue
		}
		value, err := decoder.ReadValue()
		switch {
		case errors.Is(err, io.EOF) && depth == 0:
			return nil
		case errors.Is(err, ErrTooLarge):
			return ErrTooLarge
		case err != nil:
			return yield(bytes.Clone(decoder.UnreadBuffer()), located(decoder, err))
		}
		if err := yield(bytes.Clone(value), nil); err != nil {
			return err
		}
	}
}

func located(decoder *jsontext.Decoder, err error) error {
	return fmt.Errorf("no JSON at byte %d: %w", decoder.InputOffset(), err)
}

// limitReader fails when more than left bytes are read without left being set anew.
type limitReader struct {
	from io.Reader
	left int
}

func (l *limitReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, ErrTooLarge
	}
	n, err := l.from.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
