package harness

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable drops control characters but line breaks. Names and reasons come from devices and files: a terminal would
// obey some of them.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, s)
}

// PrintableLine is [Printable] for a text that has to stay on one line.
func PrintableLine(s string) string { return strings.ReplaceAll(Printable(s), "\n", "") }

// Count prints a number with its noun: "1 pair", "2 pairs".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
