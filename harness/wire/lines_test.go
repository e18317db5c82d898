package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func feed(l *Lines, chunks ...string) []string {
	var out []string
	for _, c := range chunks {
		l.Feed([]byte(c), func(n int, text []byte) { out = append(out, fmt.Sprintf("%d:%s", n, text)) })
	}
	return out
}

func TestLinesFeed(t *testing.T) {
	for name, c := range map[string]struct {
		chunks  []string
		want    string // of the lines, a | between two
		partial string
	}{
		"nothing":                      {nil, "", ""},
		"whole lines":                  {[]string{"a\nb\n"}, "1:a|2:b", ""},
		"the last waits for its end":   {[]string{"a\nb"}, "1:a", "b"},
		"a line in three parts":        {[]string{"a", "b", "c\nd\n"}, "1:abc|2:d", ""},
		"an empty line counts":         {[]string{"\n\nx\n"}, "1:|2:|3:x", ""},
		"a newline on its own":         {[]string{"a", "\n"}, "1:a", ""},
		"cut inside a multi-byte rune": {[]string{"\xc3", "\xa9\n"}, "1:é", ""},
		"a carriage return":            {[]string{"a\r\nb\n"}, "1:a|2:b", ""},
		"cut before its newline":       {[]string{"a\r", "\n"}, "1:a", ""},
		"only the last is the ending's": {
			[]string{"a\r\r\nb\rc\n"}, "1:a\r|2:b\rc", ""},
		"one that waits is text":  {[]string{"a\r"}, "", "a\r"},
		"NULs pass":               {[]string{"\x00\x00{}\n\x00"}, "1:\x00\x00{}", "\x00"},
		"invalid UTF-8 passes":    {[]string{"\xff\xfe\n"}, "1:\xff\xfe", ""},
		"a separator is no end":   {[]string{"a\u2028b\vc\n"}, "1:a\u2028b\vc", ""},
		"blanks are not stripped": {[]string{" a \t\n"}, "1: a \t", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var l Lines
			got := feed(&l, c.chunks...)
			assert.Equal(t, c.want, strings.Join(got, "|"))
			assert.Equal(t, c.partial, string(l.Partial()))
			assert.EqualValues(t, len(strings.Join(c.chunks, "")), l.Offset())
			assert.Equal(t, len(got), l.Number())
		})
	}
}

func TestLinesClose(t *testing.T) {
	var l Lines
	assert.Nil(t, l.Last())
	feed(&l, "whole\n{\"v\":1,\r")
	var got []string
	emit := func(n int, text []byte) { got = append(got, fmt.Sprintf("%d:%s", n, text)) }
	l.Close(emit)
	assert.Equal(t, []string{"2:{\"v\":1,\r"}, got, "it was never ended, so nothing is taken off")
	assert.Empty(t, l.Partial())
	l.Close(emit)
	assert.Len(t, got, 1, "once")
	assert.Equal(t, 2, l.Number())
	assert.Equal(t, "{\"v\":1,\r", string(l.Last()))
}

func TestLinesTextIsTheCallers(t *testing.T) {
	var l Lines
	var got [][]byte
	chunk := []byte("one\ntwo\nth")
	emit := func(_ int, text []byte) { got = append(got, text) }
	l.Feed(chunk, emit)
	copy(chunk, "xxxxxxxxxx")
	l.Feed([]byte("ree\n"), emit)
	require.Len(t, got, 3)
	assert.Equal(t, "one two three", string(bytes.Join(got, []byte(" "))))
}

func TestLinesBoundsMemory(t *testing.T) {
	var l Lines
	var got []int
	emit := func(_ int, text []byte) { got = append(got, len(text)) }
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 10 {
		l.Feed(chunk, emit)
	}
	assert.Len(t, l.Partial(), MaxLine, "after 10 MB without a newline")
	assert.EqualValues(t, 10<<20, l.Offset(), "what is left out was read all the same")
	l.Feed([]byte("\nshort\r\n\nlast"), emit)
	l.Close(emit)
	assert.Equal(t, []int{MaxLine, 5, 0, 4}, got)
}

// TestALineTooLongIsCut: one line that is too long is one line, and the next is whole.
func TestALineTooLongIsCut(t *testing.T) {
	var l Lines
	var lengths []int
	line := func(_ int, text []byte) { lengths = append(lengths, len(text)) }
	for range 3 {
		l.Feed(bytes.Repeat([]byte("x"), MaxLine/2+1), line)
	}
	l.Feed([]byte("end\nnext\n"), line)
	assert.Equal(t, []int{MaxLine, 4}, lengths)
	assert.Equal(t, "next", string(l.Last()))
	assert.Equal(t, 2, l.Number())

	// A carriage return at the cut is the line's own, not its ending's.
	var cut Lines
	var last byte
	cut.Feed(append(bytes.Repeat([]byte("x"), MaxLine-1), "\ry\n"...), func(_ int, text []byte) { last = text[len(text)-1] })
	assert.EqualValues(t, '\r', last)
}

// FuzzLines: however the bytes are cut, the lines are the same, and joined by newlines they are the file but for carriage
// returns before a newline.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), 2)
	f.Add([]byte("\n"), 1)
	f.Add([]byte("a\r\n\r\r\n\x00\xff\r"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if cut < 1 {
			return
		}
		var whole, parts Lines
		want := feed(&whole, string(b))
		var got []string
		for rest := b; len(rest) > 0; {
			n := min(cut, len(rest))
			got = append(got, feed(&parts, string(rest[:n]))...)
			rest = rest[n:]
		}
		assert.Equal(t, want, got, "cut by %d", cut)
		assert.Equal(t, whole.Offset(), parts.Offset())
		assert.True(t, bytes.Equal(whole.Partial(), parts.Partial()))

		var again Lines
		var file []byte
		again.Feed(b, func(_ int, text []byte) { file = append(append(file, text...), '\n') })
		file = append(file, again.Partial()...)
		assert.Equal(t, string(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))), string(file))
	})
}

// FuzzDecode: whatever a file holds, every line of it comes back once, with its number and text, as an event or garbled,
// and what is an event can be written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"v":1,"seq":0,"at_ns":1,"kind":"hello","os":"é"}` + "\n{\n\n\x00"))
	f.Add([]byte(`{"v":1,"seq":3,"at_ns":5,"kind":"tokens","iteration":0,"first":0,"ids":[1],"at":[4]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		number := 0
		for _, line := range readAll(t, bytes.NewReader(b)) {
			number++
			require.Equal(t, number, line.Number)
			require.NotEqual(t, line.Event == nil, line.Garbled == nil)
			if line.Event == nil || line.Event.Newer() {
				continue
			}
			text, err := EncodeLine(*line.Event)
			require.NoError(t, err)
			again := DecodeLine(number, bytes.TrimSuffix(text, []byte("\n")))
			require.NotNil(t, again.Event, "%s", text)
		}
	})
}
