package trend

import (
	"encoding/json"
	"fmt"
)

// Series is a history from somewhere else: one value a night, oldest first.
type Series struct {
	Name   string
	Values []float64 // nightly medians, in any unit
}

// DecodeSeries reads a history from JSON: {"Name": "decode", "Series": [31.2, 30.9, ...]}. A value that is no positive number
// is an error that names the night, counted from 0.
func DecodeSeries(text []byte) (Series, error) {
	var in struct {
		Name   string
		Series []float64
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return Series{}, err
	}
	if i := notPositive(in.Series); i >= 0 {
		return Series{}, fmt.Errorf("night %d is %v: readings must be positive numbers; leave nights without a reading out", i, in.Series[i])
	}
	return Series{in.Name, in.Series}, nil
}
