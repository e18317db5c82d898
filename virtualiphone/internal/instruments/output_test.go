package instruments

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWholeText(t *testing.T) {
	const euro = "\xE2\x82\xAC"
	tests := []struct {
		name string
		in   string
		most int
		want int
	}{
		{"nothing", "", 8, 0},
		{"plain text", "abc", 8, 3},
		{"longer than a chunk", "abcdef", 4, 4},
		{"whole character at the end", "a" + euro, 8, 4},
		{"first byte of three", "a" + euro[:1], 8, 1},
		{"two bytes of three", "a" + euro[:2], 8, 1},
		{"chunk would cut the character", "a" + euro, 3, 1},
		{"first half of an emoji", "\xF0\x9F\x98", 8, 0},
		{"continuation bytes of nothing", "\x80\x80\x80\x80", 8, 4},
		{"byte that never starts a character", "a\xFF", 8, 2},
		{"character cut by plain text", euro[:2] + "a", 8, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, wholeText([]byte(tt.in), tt.most), "wholeText(%q, %d)", tt.in, tt.most)
		})
	}
}
