package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/lilims/bench/harness"
)

// readGoBench reads a Go benchmark file: each line a session. Values whose unit is the name of a metric are taken, and
// with them the parts that `bench export` puts into a benchmark's name.
func readGoBench(text []byte) ([]foreign, error) {
	reader := benchfmt.NewReader(bytes.NewReader(text), "file")
	var out []foreign
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

func goBenchLine(line *benchfmt.Result) foreign {
	base, parts := line.Name.Parts()
	f := foreign{scenario: strings.ToLower(string(base)), product: line.GetConfig("goarch"), system: line.GetConfig("goos"), model: line.GetConfig("pkg"), build: line.GetConfig("commit")}
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

// phoneLine is one run of a published collection of iPhone measurements, as far as it names metrics of this project.
type phoneLine struct {
	Device struct {
		Identifier string `json:"modelIdentifier"`
		Name       string `json:"systemName"`
		Version    string `json:"systemVersion"`
	} `json:"device"`
	Metrics struct {
		Cold        bool     `json:"coldRun"`
		Decode      *float64 `json:"decodeTokensPerSecond"`
		Prefill     *float64 `json:"promptTokensPerSecond"`
		FirstMS     *float64 `json:"firstTokenLatencyMS"`
		P50MS       *float64 `json:"interTokenLatencyP50MS"`
		P95MS       *float64 `json:"interTokenLatencyP95MS"`
		P99MS       *float64 `json:"interTokenLatencyP99MS"`
		LoadSeconds *float64 `json:"loadTimeSeconds"`
		PeakMB      *float64 `json:"memoryPeakDuringDecodeMB"`
	} `json:"metrics"`
	Model struct {
		ID     string  `json:"id"`
		SizeMB float64 `json:"onDiskSizeMB"`
	} `json:"model"`
	Runtime   string    `json:"runtime"`
	Task      string    `json:"task"`
	Timestamp time.Time `json:"timestamp"`
}

// readPhoneLines reads JSON lines of iPhone runs. A zero stands there for "not measured" and is taken as absent.
func readPhoneLines(text []byte) ([]foreign, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var out []foreign
	for {
		var line phoneLine
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("run %d: %w", len(out)+1, err)
		}
		if line.Device.Identifier == "" || line.Metrics.Decode == nil {
			return nil, fmt.Errorf("run %d names no device or no decode rate: it is no iPhone run", len(out)+1)
		}
		out = append(out, line.session())
	}
}

func (l phoneLine) session() foreign {
	const megabyte = 1 << 20
	f := foreign{product: l.Device.Identifier, system: strings.TrimSpace(l.Device.Name + " " + l.Device.Version), model: l.Runtime + "_" + l.Model.ID, scenario: l.Task, build: l.Runtime,
		modelBytes: int64(l.Model.SizeMB * megabyte), at: l.Timestamp}
	first := harness.TTFT
	if l.Metrics.Cold {
		first = harness.TTFTCold
	}
	for _, r := range []struct {
		metric string
		value  *float64
		scale  float64
	}{
		{harness.DecodeTokS, l.Metrics.Decode, 1}, {harness.PrefillTokS, l.Metrics.Prefill, 1}, {first, l.Metrics.FirstMS, 1e-3},
		{harness.ITLP50, l.Metrics.P50MS, 1e-3}, {harness.ITLP95, l.Metrics.P95MS, 1e-3}, {harness.ITLP99, l.Metrics.P99MS, 1e-3},
		{harness.LoadCold, l.Metrics.LoadSeconds, 1}, {harness.PeakFootprint, l.Metrics.PeakMB, megabyte},
	} {
		if r.value != nil && *r.value != 0 {
			f.add(r.metric, *r.value*r.scale)
		}
	}
	return f
}
