package interop

import (
	"io"
	"time"

	"github.com/parquet-go/parquet-go"
)

// parquetReading is one reading, as a row of a Parquet file: the columns of CSV with their types, and the reading's
// uncertainty where the session states one.
type parquetReading struct {
	Run         string    `parquet:"run,dict"`
	Session     string    `parquet:"session,dict"`
	Case        string    `parquet:"case,dict"`
	UDID        string    `parquet:"udid,dict"`
	Kind        string    `parquet:"kind,dict"` // of device: iphone, virtual, simulated, local, imported
	Arm         string    `parquet:"arm,dict"`
	Pair        int32     `parquet:"pair"`
	Build       string    `parquet:"build,dict"`
	Begin       time.Time `parquet:"begin,timestamp(millisecond)"`
	Metric      string    `parquet:"metric,dict"`
	Unit        string    `parquet:"unit,dict"`
	Reading     int32     `parquet:"reading"` // from 0 within the session
	Value       float64   `parquet:"value"`   // in the metric's base unit
	Uncertainty *float64  `parquet:"uncertainty,optional"`
}

// writeParquet writes a Parquet file with a row a reading.
func writeParquet(w io.Writer, series []Series, creator Creator) error {
	out := parquet.NewGenericWriter[parquetReading](w, parquet.Compression(&parquet.Zstd),
		parquet.CreatedBy("bench", creator.Version, creator.Revision))
	for _, s := range series {
		b := s.Begin
		row := parquetReading{Run: s.Run, Session: b.ID, Case: b.Case.Key(), UDID: b.Fingerprint.UDID, Kind: string(b.Fingerprint.Kind),
			Arm: string(b.Planned.Arm), Pair: int32(b.Planned.Pair), Build: b.Build.Hash, Begin: b.At.UTC(),
			Metric: s.Metric, Unit: s.Unit, Uncertainty: s.Uncertainty}
		for i, v := range s.Values {
			row.Reading, row.Value = int32(i), v
			if _, err := out.Write([]parquetReading{row}); err != nil {
				return err
			}
		}
	}
	return out.Close()
}
