package tail

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func collect(l *Lines, chunks ...string) []string {
	var out []string
	for _, c := range chunks {
		l.Take([]byte(c), func(n int, text []byte) { out = append(out, fmt.Sprintf("%d:%s", n, text)) })
	}
	return out
}

func TestTake(t *testing.T) {
	cases := map[string]struct {
		chunks  []string
		want    string
		partial string
	}{
		"nothing":                      {nil, "", ""},
		"whole lines":                  {[]string{"a\nb\n"}, "1:a 2:b", ""},
		"the last waits for its end":   {[]string{"a\nb"}, "1:a", "b"},
		"a line in three parts":        {[]string{"a", "b", "c\nd\n"}, "1:abc 2:d", ""},
		"an empty line counts":         {[]string{"\n\nx\n"}, "1: 2: 3:x", ""},
		"a newline on its own":         {[]string{"a", "\n"}, "1:a", ""},
		"cut inside a multi-byte rune": {[]string{"\xc3", "\xa9\n"}, "1:é", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var l Lines
			got := strings.Join(collect(&l, c.chunks...), " ")
			if got != c.want || string(l.Partial()) != c.partial {
				t.Errorf("lines %q partial %q; want %q and %q", got, l.Partial(), c.want, c.partial)
			}
			if want := int64(len(strings.Join(c.chunks, ""))); l.Offset() != want {
				t.Errorf("Offset = %d, want %d", l.Offset(), want)
			}
		})
	}
}

func TestALineTooLongIsCut(t *testing.T) {
	var l Lines
	var lengths []int
	line := func(_ int, text []byte) { lengths = append(lengths, len(text)) }
	for range 3 {
		l.Take(bytes.Repeat([]byte("x"), MaxLine/2+1), line)
	}
	l.Take([]byte("end\nnext\n"), line)
	if len(lengths) != 2 || lengths[0] != MaxLine || lengths[1] != 4 {
		t.Errorf("lengths = %v, want one of %d and one of 4", lengths, MaxLine)
	}
	if string(l.Last()) != "next" || l.Number() != 2 {
		t.Errorf("last = %d %q", l.Number(), l.Last())
	}
}

// FuzzTake: however the bytes are cut, the lines are the same.
func FuzzTake(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), 2)
	f.Add([]byte("\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if cut < 1 {
			return
		}
		var whole, parts Lines
		want := collect(&whole, string(b))
		var got []string
		for rest := b; len(rest) > 0; {
			n := min(cut, len(rest))
			got = append(got, collect(&parts, string(rest[:n]))...)
			rest = rest[n:]
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || parts.Offset() != whole.Offset() || !bytes.Equal(parts.Partial(), whole.Partial()) {
			t.Errorf("cut by %d: %q, whole: %q", cut, got, want)
		}
	})
}
