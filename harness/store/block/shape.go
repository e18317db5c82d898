package block

import (
	"strconv"
	"strings"
)

// A shape is a line of JSON with its values taken out: keys, brackets and words stay, and a mark stands for each value.
const (
	markNumber  = '#' // a whole number
	markDecimal = '~' // a number with a fraction; the digit behind the mark says how many digits the fraction has
	markList    = '*' // whole numbers parted by commas, inside brackets
	markText    = '$' // what stands between the quotes of a text, escapes and all
	markLine    = '%' // alone: a line that is no JSON, whole
)

// value is one value of a line, with the key that stands before it.
type value struct {
	key    string
	mark   byte
	number int64   // of markNumber and markDecimal
	list   []int64 // of markList
	text   string  // of markText and markLine
}

// line is a text taken apart.
type line struct {
	shape  string
	values []value
}

// takeApart parts a text into shape and values. Putting them together gives the same bytes again, whatever it said.
func takeApart(text string) line {
	if l, ok := parse(text); ok && l.together() == text {
		return l
	}
	return line{string(markLine), []value{{mark: markLine, text: text}}}
}

// parse reads what looks like JSON written without spaces. It need not judge: together tells whether it was right.
func parse(text string) (line, bool) {
	var shape strings.Builder
	var l line
	key := ""
	add := func(v value, mark string) {
		v.key = key
		shape.WriteString(mark)
		l.values = append(l.values, v)
	}
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case c == '"':
			end := closing(text, at)
			if end < 0 {
				return l, false
			}
			inside := text[at+1 : end]
			if at = end + 1; at < len(text) && text[at] == ':' {
				key = inside
				shape.WriteString(text[end-len(inside)-1 : at])
				continue
			}
			add(value{mark: markText, text: inside}, string(markText))
		case c == '[':
			if list, size := wholeList(text[at:]); size > 0 {
				add(value{mark: markList, list: list}, string(markList))
				at += size
				continue
			}
			shape.WriteByte(c)
			at++
		case c == '-' || c >= '0' && c <= '9':
			number, fraction, size := decimal(text[at:])
			switch {
			case size == 0:
				return l, false
			case fraction == 0:
				add(value{mark: markNumber, number: number}, string(markNumber))
			default:
				add(value{mark: markDecimal, number: number}, string(markDecimal)+string(rune('0'+fraction)))
			}
			at += size
		case strings.IndexByte("#~*$%", c) >= 0:
			return l, false
		default:
			shape.WriteByte(c)
			at++
		}
	}
	l.shape = shape.String()
	return l, true
}

// closing is where the text that begins with a quote at that place ends; -1 when it does not.
func closing(text string, at int) int {
	for i := at + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// decimal reads a number that writing gives back as it is: no exponent, no zeros before it, at most 9 digits behind the
// point.
func decimal(text string) (number int64, fraction, size int) {
	i := 0
	if text[0] == '-' {
		i++
	}
	whole := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	if i == whole || text[whole] == '0' && i > whole+1 {
		return 0, 0, 0
	}
	digits := text[:i]
	if i < len(text) && text[i] == '.' {
		from := i + 1
		for i++; i < len(text) && isDigit(text[i]); i++ {
		}
		if fraction = i - from; fraction == 0 || fraction > 9 {
			return 0, 0, 0
		}
		digits += text[from:i]
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E' || text[i] == '.') {
		return 0, 0, 0
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, 0, 0
	}
	return number, fraction, i
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// wholeList reads "[1,2,3]"; size 0 when it is something else.
func wholeList(text string) (list []int64, size int) {
	list = []int64{}
	at := 1
	for at < len(text) {
		if text[at] == ']' && len(list) == 0 {
			return list, at + 1
		}
		if c := text[at]; c != '-' && !isDigit(c) {
			return nil, 0
		}
		number, fraction, used := decimal(text[at:])
		if used == 0 || fraction > 0 {
			return nil, 0
		}
		list = append(list, number)
		if at += used; at >= len(text) {
			return nil, 0
		}
		if text[at] == ']' {
			return list, at + 1
		}
		if text[at] != ',' {
			return nil, 0
		}
		at++
	}
	return nil, 0
}

// together puts shape and values together. A shape that wants more values than there are is torn, and gives "".
func (l line) together() string {
	if l.shape == string(markLine) {
		if len(l.values) != 1 {
			return ""
		}
		return l.values[0].text
	}
	out := make([]byte, 0, 2*len(l.shape))
	next := 0
	for at := 0; at < len(l.shape); at++ {
		c := l.shape[at]
		if c == '"' { // a key
			end := closing(l.shape, at)
			if end < 0 {
				return ""
			}
			out = append(out, l.shape[at:end+1]...)
			at = end
			continue
		}
		if c != markNumber && c != markDecimal && c != markList && c != markText {
			out = append(out, c)
			continue
		}
		if next >= len(l.values) {
			return ""
		}
		v := l.values[next]
		next++
		switch c {
		case markNumber:
			out = strconv.AppendInt(out, v.number, 10)
		case markDecimal:
			if at++; at >= len(l.shape) {
				return ""
			}
			out = appendDecimal(out, v.number, int(l.shape[at]-'0'))
		case markList:
			out = appendList(out, v.list)
		case markText:
			out = append(append(append(out, '"'), v.text...), '"')
		}
	}
	return string(out)
}

func appendDecimal(out []byte, number int64, fraction int) []byte {
	digits := strconv.FormatInt(number, 10)
	if number < 0 {
		out, digits = append(out, '-'), digits[1:]
	}
	if missing := fraction + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	cut := len(digits) - max(0, fraction)
	return append(append(append(out, digits[:cut]...), '.'), digits[cut:]...)
}

func appendList(out []byte, list []int64) []byte {
	out = append(out, '[')
	for i, n := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, n, 10)
	}
	return append(out, ']')
}

// marks are the kinds of values that a shape wants, with the keys before them.
func marks(shape string) []value {
	if shape == string(markLine) {
		return []value{{mark: markLine}}
	}
	var out []value
	key := ""
	for at := 0; at < len(shape); at++ {
		switch c := shape[at]; c {
		case '"':
			end := closing(shape, at)
			if end < 0 {
				return out
			}
			key, at = shape[at+1:end], end
		case markNumber, markDecimal, markList, markText:
			out = append(out, value{key: key, mark: c})
		}
	}
	return out
}
