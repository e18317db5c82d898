package metrickit

import "strings"

// unit is a base unit and what one of the written unit is worth in it.
type unit struct {
	base   string
	factor float64
}

// Base units: s, B, 1 (counts and ratios), and the few that have no other: "s/s" for hitch ratios, "Hz" for frames, "apl" for
// luminance, "bars" for signal strength, "C" for degrees Celsius.

// unitNamed maps a written unit, in any case and with or without a trailing point, to its base unit.
func unitNamed(written string) (unit, bool) {
	if u, ok := units[written]; ok {
		return u, true
	}
	u, ok := units[strings.TrimRight(strings.ToLower(strings.TrimSpace(written)), ".॰׳")] // marks of an abbreviation
	return u, ok
}

// units indexes unitTable by spelling; it is never written again.
var units = func() map[string]unit {
	index := map[string]unit{}
	for _, u := range unitTable() {
		for _, name := range u.names {
			index[name] = u.unit
		}
	}
	return index
}()

type namedUnit struct {
	unit
	names []string
}

// unitTable holds the spellings of MeasurementFormatter's short and medium styles, by Unicode CLDR, in the languages
// that payloads have been seen or are likely in.
func unitTable() []namedUnit {
	return []namedUnit{
		{unit{"s", 1}, []string{
			"s", "sec", "secs", "second", "seconds", "秒", "秒钟", "초", "sek", "seg", "с", "сек", "ث", "ثانية", "sn", "วินาที", "giây", "δευτ", "δ",
			"mp", "वि", "से", "שנ", "วิ", "सेकंड", "segundos", "seconde", "secondes", "sekunden", "秒鐘",
		}},
		{unit{"s", 1e-3}, []string{
			"ms", "msec", "millisecond", "milliseconds", "毫秒", "ミリ秒", "밀리초", "мс", "ملي ث", "م.ث", "msn", "milisegundos", "millisecondes",
			"millisekunden", "мсек", "มิลลิวินาที",
		}},
		{unit{"s", 1e-6}, []string{"us", "µs", "μs", "microsecond", "microseconds", "微秒", "мкс", "マイクロ秒"}},
		{unit{"s", 1e-9}, []string{"ns", "nanosecond", "nanoseconds", "纳秒"}},
		{unit{"s", 60}, []string{"min", "mins", "minute", "minutes", "分", "分钟", "분", "мин", "د", "dk"}},
		{unit{"s", 3600}, []string{"h", "hr", "hrs", "hour", "hours", "std", "小时", "時間", "시간", "ч", "sa"}},
		{unit{"s", 86400}, []string{"d", "day", "days", "天", "日"}},
		{unit{"B", 1}, []string{"b", "byte", "bytes", "字节", "バイト", "바이트", "o", "octet", "octets", "байт", "بايت", "б", "位元組", "tavu", "t"}},
		{unit{"B", 1e3}, []string{
			"kb", "kilobyte", "kilobytes", "千字节", "キロバイト", "ko", "кб", "кбайт", "كيلوبايت", "ك.ب", "千位元組", "kt", "kilooctet", "kilooctets", "केबी",
			"ק״ב", "กิโลไบต์",
		}},
		{unit{"B", 1e6}, []string{
			"mb", "megabyte", "megabytes", "兆字节", "メガバイト", "mo", "мб", "ميغابايت", "م.ب", "百萬位元組", "mt", "एमबी", "מ״ב", "เมกะไบต์",
		}},
		{unit{"B", 1e9}, []string{"gb", "gigabyte", "gigabytes", "吉字节", "ギガバイト", "go", "гб", "غيغابايت", "غ.ب", "gt", "जीबी", "ג״ב"}},
		{unit{"B", 1e12}, []string{"tb", "terabyte", "terabytes", "to", "тб"}},
		{unit{"B", 1024}, []string{"kib"}},
		{unit{"B", 1 << 20}, []string{"mib"}},
		{unit{"B", 1 << 30}, []string{"gib"}},
		{unit{"1", 1}, []string{"", "count", "instructions"}},
		{unit{"1", 1e3}, []string{"kiloinstructions"}},
		{unit{"1", 1e6}, []string{"megainstructions"}},
		{unit{"1", 0.01}, []string{"%", "percent"}},
		{unit{"s/s", 1e-3}, []string{"ms per s", "ms/s"}},
		{unit{"s/s", 1}, []string{"s per s", "s/s"}},
		{unit{"Hz", 1}, []string{"hz", "fps"}},
		{unit{"bars", 1}, []string{"bars", "bar"}},
		{unit{"apl", 1}, []string{"apl"}},
		{unit{"C", 1}, []string{"°c", "c"}},
	}
}

// Quantity is a number in its base unit, with the text it came from.
type Quantity struct {
	Value     float64
	Unit      string // base unit, or the written one where it is not known
	Text      string
	Known     bool // the unit is known
	Ambiguous bool // another reading of the separators was possible
}

// ParseQuantity reads "200,000 kB" and its like by the payload's convention.
func ParseQuantity(text string, c Convention) (Quantity, error) {
	number, written := cut(text)
	value, ambiguous, err := parseNumber(number, c)
	if err != nil {
		return Quantity{}, err
	}
	q := Quantity{Value: value, Unit: written, Text: text, Ambiguous: ambiguous}
	if u, ok := unitNamed(written); ok {
		q.Value, q.Unit, q.Known = value*u.factor, u.base, true
	}
	return q, nil
}
