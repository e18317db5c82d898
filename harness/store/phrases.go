package store

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// The phrase form of a text is a row of operations, one byte each: below opNumber the phrase of that number, or one of
// the others with what follows it.
const (
	opNumber  = 128 // a whole number: uvarint
	opAway    = 129 // a whole number near the one before it that was large: varint of the difference
	opLiteral = 130 // bytes as they are: their count as uvarint, and they
)

// large is the number from which one is remembered for opAway: time stamps are, counts are not.
const large = 1 << 24

// phrases are what event lines repeat. A stored line refers to them by position, so that the table is part of the form
// and never changes; a line of a newer app is stored with literals where this table does not know its words.
var phrases = [...]string{
	`{"v":1,"seq":`, `,"at_ns":`, `,"kind":"tokens","iteration":`, `,"first":`, `,"ids":[`, `],"at":[`, `],"text":"`, `"}`, `}`, `,`,
	`,"kind":"sample","iteration":`, `,"kind":"sample","metric":"`, `,"metric":"`, `footprint_bytes","value":`,
	`available_memory_bytes","value":`,
	`,"unit":"B","phase":"`, `,"unit":"`, `,"phase":"`, `decode"}`, `prefill"}`, `load"}`, `idle"}`, `"value":`,
	`,"kind":"iteration_begin","iteration":`, `,"warmup":true`, `,"warmup":false`, `,"prompt_tokens":`,
	`,"kind":"prefill","iteration":`, `,"ns":`, `,"kind":"iteration_end","iteration":`, `,"outcome":"ok","reason":"length","count":`,
	`,"outcome":"`,
	`,"reason":"`, `,"count":`, `,"text":"`, `,"kind":"thermal","state":"nominal"}`, `,"kind":"thermal","state":"`,
	`,"kind":"load","regime":"`, `cold","ns":`, `warm","ns":`, `first_ever","ns":`, `,"model":"`, `","model_hash":"`, `","model_bytes":`,
	`,"kind":"hello","session":"`, `,"kind":"memory_warning"}`, `,"kind":"payload","file":"`, `,"kind":"error"`, `,"code":"`, `","message":"`,
	`,"kind":"end","count":`,
	`complete"}`, `]`, `[`, `"`, `":`, `":"`, `","`, `-`, `.`,
}

// appendPhrases appends the phrase form of text to out.
func appendPhrases(out []byte, text string) []byte {
	literal, last := 0, uint64(0) // where the literal in progress begins; the large number before
	for at := 0; at < len(text); {
		if value, size := wholeNumber(text[at:]); size > 0 {
			out = appendLiteral(out, text[literal:at])
			out, last = appendNumber(out, value, last)
			at += size
			literal = at
			continue
		}
		if phrase := longestPhrase(text[at:]); phrase >= 0 {
			out = append(appendLiteral(out, text[literal:at]), byte(phrase))
			at += len(phrases[phrase])
			literal = at
			continue
		}
		at++
	}
	return appendLiteral(out, text[literal:])
}

func appendLiteral(out []byte, text string) []byte {
	if text == "" {
		return out
	}
	return append(binary.AppendUvarint(append(out, opLiteral), uint64(len(text))), text...)
}

// appendNumber writes a number, as a difference from the last large one where that is shorter, and returns the large
// one to remember.
func appendNumber(out []byte, value, last uint64) ([]byte, uint64) {
	if value < large {
		return binary.AppendUvarint(append(out, opNumber), value), last
	}
	if away := int64(value - last); last != 0 && away > -large*large && away < large*large {
		return binary.AppendVarint(append(out, opAway), away), value
	}
	return binary.AppendUvarint(append(out, opNumber), value), value
}

// wholeNumber reads the digits that text begins with, where writing the number again gives the same digits.
func wholeNumber(text string) (value uint64, size int) {
	for size < len(text) && text[size] >= '0' && text[size] <= '9' {
		size++
	}
	if size == 0 || size > 1 && text[0] == '0' {
		return 0, 0
	}
	value, err := strconv.ParseUint(text[:size], 10, 63)
	if err != nil {
		return 0, 0
	}
	return value, size
}

// longestPhrase returns the number of the longest phrase that text begins with, -1 for none.
func longestPhrase(text string) int {
	switch text[0] {
	case '{', '}', ',', ']', '[', '"', '-', '.', 'f', 'a', 'd', 'p', 'l', 'i', 'c', 'w':
	default:
		return -1 // no phrase begins so
	}
	best := -1
	for i, phrase := range phrases {
		if phrase[0] == text[0] && (best < 0 || len(phrase) > len(phrases[best])) && strings.HasPrefix(text, phrase) {
			best = i
		}
	}
	return best
}

// readPhrases decodes what appendPhrases has written.
func readPhrases(data []byte) (string, error) {
	var out []byte
	last := uint64(0)
	for len(data) > 0 {
		op := data[0]
		data = data[1:]
		switch {
		case int(op) < len(phrases):
			out = append(out, phrases[op]...)
		case op == opNumber:
			value, size := binary.Uvarint(data)
			if size <= 0 {
				return "", errTorn
			}
			if data = data[size:]; value >= large {
				last = value
			}
			out = strconv.AppendUint(out, value, 10)
		case op == opAway:
			away, size := binary.Varint(data)
			if size <= 0 {
				return "", errTorn
			}
			data = data[size:]
			last += uint64(away)
			out = strconv.AppendUint(out, last, 10)
		case op == opLiteral:
			n, rest, err := count(data)
			if err != nil {
				return "", err
			}
			out = append(out, rest[:n]...)
			data = rest[n:]
		default:
			return "", fmt.Errorf("a stored line has the unknown operation %d: %w", op, errTorn)
		}
	}
	return string(out), nil
}
