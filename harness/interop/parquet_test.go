package interop

import (
	"bytes"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestParquetComesBack(t *testing.T) {
	doubt := 0.25
	begin := harness.SessionBegin{ID: "s000-candidate", At: time.Date(2026, 11, 27, 3, 0, 0, 123e6, time.UTC), Build: harness.Build{
		Hash: "sha256:ab",
	},
		Planned: harness.PlannedSession{Arm: harness.ArmCandidate, Pair: 4},
		Case: harness.Case{
			Device: harness.Device{ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m"}, Scenario: harness.Scenario{Name: "s"},
		},
		Fingerprint: harness.Fingerprint{UDID: "U-1", Kind: harness.KindVirtual}}
	var file bytes.Buffer
	err := writeParquet(&file, []Series{
		{harness.DecodeTokS, harness.SessionSeries{Run: "r1", Begin: &begin, Values: []float64{40, 41.5}, Unit: "tok/s"}},
		{harness.Energy, harness.SessionSeries{
			Run: "r1", Begin: &begin, Values: []float64{9}, Unit: "J", Uncertainty: &doubt,
		}}}, Creator{Version: "1.2.3", Revision: "0123abc"})
	require.NoError(t, err)
	rows, err := parquet.Read[parquetReading](bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	require.Len(t, rows, 3, "%d rows, %v", len(rows), err)
	want := parquetReading{Run: "r1", Session: "s000-candidate", Case: "iPhone15,4/m/s", UDID: "U-1", Kind: "virtual", Arm: "candidate",
		Pair: 4, Build: "sha256:ab",
		Begin: begin.At, Metric: harness.DecodeTokS, Unit: "tok/s", Reading: 1, Value: 41.5}
	assert.Equal(t, want, rows[1], "row 1")
	got := rows[2]
	require.NotNil(t, got.Uncertainty, "rows 0 and 2")
	require.InDelta(t, doubt, *got.Uncertainty, 0, "rows 0 and 2")
	assert.Nil(t, rows[0].Uncertainty, "rows 0 and 2")
}
