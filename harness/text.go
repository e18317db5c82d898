package harness

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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

// ParseSpan reads a duration that may be given in days: "36h", "7d".
func ParseSpan(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 {
			return time.Duration(n * 24 * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a time such as 36h or 7d", text)
	}
	return d, nil
}
