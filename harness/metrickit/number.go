package metrickit

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Convention is how a payload writes numbers.
type Convention struct {
	Decimal rune // '.', ',' or '٫'
	Sure    bool // seen in the payload itself, or told by its region; otherwise the default was taken
}

// commaRegions are regions whose main language writes a decimal comma. Source: Unicode CLDR, number symbols.
const commaRegions = " AD AL AM AR AT AZ BA BE BG BO BR BY CL CO CR CU CY CZ DE DK DZ EC EE ES FI FO FR GE GR HR HU ID IS IT KG KZ LT " +
	"LU LV MA MD ME MK MZ NL NO PL PT PY RO RS RU SE SI SK TN TR UA UY UZ VE VN XK "

// pointRegions write a decimal point; a region in neither list leaves the matter open.
const pointRegions = " AU BD CA CN EG GB GH HK IE IL IN JP KE KR LK MO MT MX MY NG NP NZ PA PE PH PK SG TH TW US ZA "

// separators lists what stands between digits, apart from '.' and ',': spaces, apostrophes, the Arabic separators.
func isGroupOnly(r rune) bool {
	return r == ' ' || r == '\u00a0' || r == '\u202f' || r == '\u2009' || r == '\'' || r == '’' || r == '٬'
}

// Infer finds the convention of a payload from all its number texts, then from its region, then takes the point.
func Infer(texts []string, region string) Convention {
	for _, text := range texts {
		if decimal, ok := evidence(digits(text)); ok {
			return Convention{decimal, true}
		}
	}
	switch region = strings.ToUpper(region); {
	case len(region) == 2 && strings.Contains(commaRegions, " "+region+" "):
		return Convention{',', true}
	case len(region) == 2 && strings.Contains(pointRegions, " "+region+" "):
		return Convention{'.', true}
	}
	return Convention{Decimal: '.'}
}

// evidence decides the decimal separator from one number where the number itself decides it.
func evidence(number string) (decimal rune, ok bool) {
	if strings.ContainsRune(number, '٫') {
		return '٫', true
	}
	points, commas := strings.Count(number, "."), strings.Count(number, ",")
	switch {
	case points > 0 && commas > 0:
		if strings.LastIndexByte(number, '.') > strings.LastIndexByte(number, ',') {
			return '.', true
		}
		return ',', true
	case points > 1:
		return ',', true // points group
	case commas > 1:
		return '.', true
	case points == 1 && !groups(number, '.'):
		return '.', true
	case commas == 1 && !groups(number, ','):
		return ',', true
	}
	return 0, false
}

// groups reports whether the one separator in number could stand before a group of thousands.
func groups(number string, separator byte) bool {
	at := strings.IndexByte(number, separator)
	before := strings.TrimLeft(number[:at], "+-−")
	return len(number)-at-1 == 3 && len(before) >= 1 && len(before) <= 3 && before != "0"
}

// digits returns the leading number of text, digits of any script turned into ASCII, and drops the rest.
func digits(text string) string {
	number, _ := cut(text)
	return number
}

// cut splits a quantity's text into its number, in ASCII digits, and its unit.
func cut(text string) (number, unit string) {
	if number, unit, ok := cutPlain(text); ok {
		return number, unit
	}
	text = strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '\u200e' || r == '\u200f' || r == '\u061c' })
	var b strings.Builder
	runes := []rune(text)
	i := 0
	for ; i < len(runes); i++ {
		r := runes[i]
		switch {
		case unicode.IsDigit(r):
			b.WriteByte(byte('0' + digitValue(r)))
		case r == '-' || r == '−' || r == '+':
			if b.Len() > 0 {
				return b.String(), strings.TrimSpace(string(runes[i:]))
			}
			b.WriteRune(map[bool]rune{true: '+', false: '-'}[r == '+'])
		case (r == '.' || r == ',' || r == '٫' || isGroupOnly(r)) && b.Len() > 0 && i+1 < len(runes) && unicode.IsDigit(runes[i+1]):
			b.WriteRune(r)
		case (r == '.' || r == ',') && b.Len() == 0 && i+1 < len(runes) && unicode.IsDigit(runes[i+1]):
			b.WriteString("0" + string(r))
		case (r == 'e' || r == 'E') && exponent(runes[i+1:]):
			b.WriteByte('e')
		default:
			return b.String(), unitText(runes[i:])
		}
	}
	return b.String(), ""
}

// cutPlain splits the commonest form, ASCII digits, points and commas, a space, a unit, without copying it.
func cutPlain(text string) (number, unit string, ok bool) {
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end > 0 && (text[end] == ',' || text[end] == '.')) {
		end++
	}
	if end == 0 || text[end-1] < '0' || end+2 > len(text) || text[end] != ' ' || text[end+1] >= '0' && text[end+1] <= '9' ||
		text[end+1] == ' ' {
		return "", "", false
	}
	for i := end; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return "", "", false
		}
	}
	return text[:end], text[end+1:], true
}

func unitText(rest []rune) string {
	return strings.TrimFunc(string(rest), func(r rune) bool { return unicode.IsSpace(r) || r == '\u200e' || r == '\u200f' })
}

// exponent reports whether rest continues a number in scientific notation.
func exponent(rest []rune) bool {
	if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
		return false // never seen from a formatter, and "5 e-mails" is not a number
	}
	return len(rest) > 0 && unicode.IsDigit(rest[0])
}

// digitValue returns the value of a decimal digit of any script: Unicode puts the ten digits of a script in a row.
func digitValue(r rune) int {
	zero := r
	for r-zero < 9 && unicode.IsDigit(zero-1) {
		zero--
	}
	return int(r - zero)
}

// plainNumber reads the commonest numbers, and those exactly: ASCII digits with points and commas, of which decimal is the
// decimal separator and the others group. Without decimal there may be digits only.
func plainNumber(number string, decimal rune) (value float64, ok bool) {
	const digits = 15 // that many are a whole number which a float holds exactly, and so is ten to their power
	whole, tenths, behind := int64(0), 1.0, false
	if number == "" || len(number) > digits || number[0] < '0' || number[0] > '9' {
		return 0, false
	}
	for i := range len(number) {
		switch b := number[i]; {
		case b >= '0' && b <= '9':
			whole = 10*whole + int64(b-'0')
			if behind {
				tenths *= 10
			}
		case decimal == 0 || b != '.' && b != ',' || behind && rune(b) == decimal:
			return 0, false
		default:
			behind = behind || rune(b) == decimal
		}
	}
	return float64(whole) / tenths, true // one division of exact numbers is rounded once, as a parser's result is
}

// hasSeparator reports whether text has a decimal separator of any script, or may have.
func hasSeparator(text string) bool {
	for i := range len(text) {
		if b := text[i]; b == '.' || b == ',' || b == "٫"[0] {
			return true
		}
	}
	return false
}

var errNoNumber = errors.New("no number")

// parseNumber reads number by the convention. Ambiguous says that another convention would read it differently and
// nothing in the payload decided.
func parseNumber(number string, c Convention) (value float64, ambiguous bool, err error) {
	if number == "" {
		return 0, false, errNoNumber
	}
	if plain, ok := plainNumber(number, 0); ok {
		return plain, false, nil
	}
	if !strings.ContainsAny(number, ".,٫٬ \u00a0\u202f\u2009'’") {
		value, err = strconv.ParseFloat(number, 64)
		return value, false, err
	}
	decimal := c.Decimal
	if own, ok := evidence(number); ok {
		decimal = own
	} else if !c.Sure && (strings.Count(number, ".")+strings.Count(number, ",") == 1) {
		ambiguous = true
		decimal = '.' // thousands are far commoner than thousandths: a lone comma groups, and so does a lone point …
		if strings.Contains(number, ".") {
			decimal = ',' // … because formatters drop trailing zeros and rarely print three decimals
		}
	}
	if plain, ok := plainNumber(number, decimal); ok {
		return plain, ambiguous, nil
	}
	var b strings.Builder
	for _, r := range number {
		switch {
		case r == decimal:
			b.WriteByte('.')
		case r == '.' || r == ',' || isGroupOnly(r):
		default:
			b.WriteRune(r)
		}
	}
	value, err = strconv.ParseFloat(b.String(), 64)
	return value, ambiguous, err
}
