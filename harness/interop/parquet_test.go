package interop

import (
	"bytes"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/lilims/bench/harness"
)

func TestParquetComesBack(t *testing.T) {
	doubt := 0.25
	begin := harness.SessionBegin{ID: "s000-candidate", At: time.Date(2026, 11, 27, 3, 0, 0, 123e6, time.UTC), Build: harness.Build{Hash: "sha256:ab"},
		Planned:     harness.PlannedSession{Arm: harness.ArmCandidate, Pair: 4},
		Case:        harness.Case{Device: harness.Device{ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m"}, Scenario: harness.Scenario{Name: "s"}},
		Fingerprint: harness.Fingerprint{UDID: "U-1", Kind: harness.KindVirtual}}
	var file bytes.Buffer
	err := writeParquet(&file, []Series{
		{harness.DecodeTokS, harness.SessionSeries{Run: "r1", Begin: &begin, Values: []float64{40, 41.5}, Unit: "tok/s"}},
		{harness.Energy, harness.SessionSeries{Run: "r1", Begin: &begin, Values: []float64{9}, Unit: "J", Uncertainty: &doubt}}}, Creator{Version: "1.2.3", Revision: "0123abc"})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[parquetReading](bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	want := parquetReading{Run: "r1", Session: "s000-candidate", Case: "iPhone15,4/m/s", UDID: "U-1", Kind: "virtual", Arm: "candidate", Pair: 4, Build: "sha256:ab",
		Begin: begin.At, Metric: harness.DecodeTokS, Unit: "tok/s", Reading: 1, Value: 41.5}
	if got := rows[1]; got != want {
		t.Errorf("row 1 is %+v, want %+v", got, want)
	}
	if got := rows[2]; got.Uncertainty == nil || *got.Uncertainty != doubt || rows[0].Uncertainty != nil {
		t.Errorf("rows 0 and 2 are %+v and %+v, want the uncertainty of energy alone", rows[0], got)
	}
}
