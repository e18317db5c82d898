package harness

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Scale turns a base unit into one that people read. It is chosen by one value and then serves the range around it too, so
// that both stand in the same unit.
type Scale struct {
	Unit   string  // as it is printed; "" for a pure number
	Factor float64 // value in Unit = base value * Factor
}

// Factors of the units that bytes and joules are printed in.
const (
	Mebibyte               = 1 << 20
	JoulesPerMilliwattHour = 3.6
)

// ScaleFor chooses the scale in which a value of a base unit (s, B, J, tok/s, ratio, 1) is printed. Other units stay as
// they are.
func ScaleFor(unit string, value float64) Scale {
	v := math.Abs(value)
	switch unit {
	case "s":
		switch {
		case v < 1e-3:
			return Scale{"µs", 1e6}
		case v < 1:
			return Scale{"ms", 1e3}
		}
		return Scale{"s", 1}
	case "B":
		switch {
		case v < Mebibyte:
			return Scale{"KiB", 1.0 / 1024}
		case v < 1024*Mebibyte:
			return Scale{"MiB", 1.0 / Mebibyte}
		}
		return Scale{"GiB", 1.0 / (1024 * Mebibyte)}
	case "J":
		if v > 0 && v < JoulesPerMilliwattHour/100 { // a token's
			return Scale{"µWh", 1e3 / JoulesPerMilliwattHour}
		}
		return Scale{"mWh", 1 / JoulesPerMilliwattHour}
	case "ratio":
		return Scale{"%", 100}
	case "1":
		return Scale{"", 1}
	}
	return Scale{unit, 1}
}

// Number prints a base value in the scale, with the four digits that a measurement carries.
func (s Scale) Number(v float64) string { return Significant(v*s.Factor, 4) }

// With prints a base value in the scale with its unit.
func (s Scale) With(v float64) string { return strings.TrimSpace(s.Number(v) + " " + s.Unit) }

// Quantity prints a value of a base unit for people: "4.618 ms" for 0.004618 and "s".
func Quantity(unit string, v float64) string { return ScaleFor(unit, v).With(v) }

// Significant prints v with so many significant digits, never with an exponent, and not fewer than its whole part.
func Significant(v float64, digits int) string {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	decimals := max(digits-1-int(math.Floor(math.Log10(math.Abs(v)))), 0)
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// Percent prints a ratio: "12.3 %" for 0.123.
func Percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// SignedPercent prints a relative change with its sign: "+12.3 %", "−12.3 %". One that rounds to nothing has no sign.
func SignedPercent(x float64) string {
	switch text := fmt.Sprintf("%+.1f %%", 100*x); text[1:] {
	case "0.0 %":
		return text[1:]
	default:
		return strings.Replace(text, "-", "−", 1)
	}
}

// Change is the relative change of the metric's own value that a verdict's figure stands for. Verdicts count for the worse:
// 0.12 is a change of -0.12 where higher is better, and of 0.12 where lower is. The mapping is its own inverse.
func (m Metric) Change(worse float64) float64 {
	if m.Better == Higher {
		return -worse
	}
	return worse
}

// ChangeText prints a verdict's figure (see [Metric.Change]) for people: the signed change of the value, and what it means:
// "−12.3 % worse", "+2.1 % better".
func (m Metric) ChangeText(worse float64) string {
	text := SignedPercent(m.Change(worse))
	switch {
	case !strings.ContainsAny(text, "+−"):
		return text
	case worse > 0:
		return text + " worse"
	}
	return text + " better"
}
