package interop

import (
	"encoding/csv"
	"io"
	"strconv"
)

// writeCSV writes a line a reading, below a header.
func writeCSV(w io.Writer, series []Series) error {
	out := csv.NewWriter(w)
	header := []string{"run", "session", "case", "udid", "arm", "pair", "build", "begin", "metric", "unit", "reading", "value"}
	if err := out.Write(header); err != nil {
		return err
	}
	for _, s := range series {
		b := s.Begin
		for i, v := range s.Values {
			row := []string{s.Run, b.ID, b.Case.Key(), b.Fingerprint.UDID, string(b.Planned.Arm), strconv.Itoa(b.Planned.Pair), b.Build.Hash,
				b.At.UTC().Format("2006-01-02T15:04:05.000Z"), s.Metric, s.Unit, strconv.Itoa(i), strconv.FormatFloat(v, 'g', -1, 64)}
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}
