package crosscheck

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lilims/bench/harness/metrickit"
)

// figure is one value of a payload, in a base unit.
type figure struct {
	Path     string   `json:"path"`
	Signpost string   `json:"signpost"`
	Category string   `json:"category"`
	Value    *float64 `json:"value"`
	Unit     string   `json:"unit"`
}

// name is the last part of a figure's path.
func (f figure) name() string { return f.Path[strings.LastIndexByte(f.Path, '.')+1:] }

// EncodeFigures makes of a payload's records the figures that are kept with it ([harness.Taken.Figures]): a JSON list of
// the values that can be compared across payloads, each {path, signpost, category, value, unit} in base units. A value
// that is no finite number is an error with its path.
func EncodeFigures(records []metrickit.Record) ([]byte, error) {
	out := make([]byte, 0, 2+100*len(records))
	out = append(out, '[')
	for i := range records {
		r := &records[i]
		if r.Value == nil {
			continue
		}
		if math.IsInf(*r.Value, 0) || math.IsNaN(*r.Value) {
			return nil, fmt.Errorf("%s: %q is out of range", r.Path, r.Text)
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = appendText(append(out, `{"path":`...), r.Path)
		if r.Signpost != "" {
			out = appendText(append(out, `,"signpost":`...), r.Signpost)
		}
		if r.Category != "" {
			out = appendText(append(out, `,"category":`...), r.Category)
		}
		out = strconv.AppendFloat(append(out, `,"value":`...), *r.Value, 'g', -1, 64)
		out = append(appendText(append(out, `,"unit":`...), r.Unit), '}')
	}
	return append(out, ']'), nil
}

// appendText appends a JSON string; what is no UTF-8 becomes U+FFFD.
func appendText(out []byte, text string) []byte {
	out, _ = jsontext.AppendQuote(out, text) // the error says that there was some
	return out
}

// decodeFigures reads what EncodeFigures has written.
func decodeFigures(text []byte) ([]figure, error) {
	var out []figure
	err := json.Unmarshal(text, &out)
	return out, err
}
