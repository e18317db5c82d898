package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

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
func readPhoneLines(text []byte) ([]Session, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var out []Session
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
			return nil, fmt.Errorf("run %d names no device or no decode rate: it is not an iPhone run", len(out)+1)
		}
		out = append(out, line.session())
	}
}

func (l phoneLine) session() Session {
	const megabyte = 1 << 20
	f := Session{product: l.Device.Identifier, system: strings.TrimSpace(l.Device.Name + " " + l.Device.Version),
		model: l.Runtime + "_" + l.Model.ID, scenario: l.Task, build: l.Runtime, modelBytes: int64(l.Model.SizeMB * megabyte),
		at: l.Timestamp.UTC()}
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
