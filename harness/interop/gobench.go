package interop

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/stats"
)

// readGoBench reads a Go benchmark file: each line a session. Values whose unit is the name of a metric are taken, and
// with them the parts that writeGoBench puts into a benchmark's name.
func readGoBench(text []byte) ([]Session, error) {
	reader := benchfmt.NewReader(bytes.NewReader(text), "file")
	var out []Session
	for reader.Scan() {
		switch line := reader.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, line
		case *benchfmt.Result:
			out = append(out, goBenchLine(line))
		}
	}
	return out, reader.Err()
}

func goBenchLine(line *benchfmt.Result) Session {
	base, parts := line.Name.Parts()
	f := Session{scenario: strings.ToLower(string(base)), product: line.GetConfig("goarch"), system: line.GetConfig("goos"),
		model: line.GetConfig("pkg"), build: line.GetConfig("commit")}
	for _, part := range parts {
		key, value, _ := strings.Cut(strings.TrimPrefix(string(part), "/"), "=")
		switch key {
		case "model":
			f.model = value
		case "device":
			f.product = value
		case "arm":
			f.build = value
		}
	}
	for _, v := range line.Values {
		value, unit := v.Value, v.Unit
		if v.OrigUnit != "" { // the reader tidies ns/op to sec/op
			value, unit = v.OrigValue, v.OrigUnit
		}
		switch {
		case unit == "ns/op":
			f.add(harness.TTFT, value/1e9)
		case unit == "tok/s" || unit == "tokens/s":
			f.add(harness.DecodeTokS, value)
		default:
			if m, ok := harness.MetricNamed(unit); ok && m.Name == unit {
				f.add(unit, value)
			}
		}
	}
	return f
}

// writeGoBench writes the Go benchmark format: a line a session with its medians, since the session is what is
// replicated. The unit of a value is its metric's name: two metrics in seconds would be one to benchstat.
func writeGoBench(w io.Writer, series []Series) error {
	var order []string
	values, begins, used := map[string][]string{}, map[string]*harness.SessionBegin{}, map[string]bool{}
	for _, s := range series {
		id := s.Begin.ID
		if _, ok := begins[id]; !ok {
			order, begins[id] = append(order, id), s.Begin
		}
		used[s.Metric] = true
		values[id] = append(values[id], strconv.FormatFloat(stats.Median(s.Values), 'g', -1, 64)+" "+s.Metric)
	}
	for _, m := range harness.Metrics() {
		if used[m.Name] {
			fmt.Fprintf(w, "Unit %s better=%s\n", m.Name, m.Better)
		}
	}
	for _, id := range order {
		b := begins[id]
		if _, err := fmt.Fprintf(w, "Benchmark%s/model=%s/device=%s/arm=%s 1 %s\n", benchName(capital(b.Case.Scenario.Name)),
			benchName(b.Case.Model.Name), benchName(b.Case.Device.ProductType), b.Planned.Arm, strings.Join(values[id], " ")); err != nil {
			return err
		}
	}
	return nil
}

// capital begins a benchmark's name as the format wants it.
func capital(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}

// benchName keeps a word inside its part of a benchmark's name; a dash and digits at the end would be read as a number
// of processors.
func benchName(word string) string {
	return strings.NewReplacer(" ", "_", "/", "_", "=", "_", "-", "_").Replace(harness.PrintableLine(word))
}
