package metrickit_test

import (
	"fmt"

	"github.com/lilims/bench/harness/metrickit"
)

// Up to iOS 26 numbers are strings in the phone's language; the region says how they are written.
func ExampleParse() {
	payload, err := metrickit.Parse([]byte(`{
		"timeStampBegin": "2026-11-03 00:00:00 +0000", "timeStampEnd": "2026-11-03 23:59:00 +0000",
		"metaData": {"deviceType": "iPhone15,4", "regionFormat": "DE"},
		"memoryMetrics": {"peakMemoryUsage": "900.000 kB"}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, record := range payload.Records {
		if record.Path == "memoryMetrics.peakMemoryUsage" {
			fmt.Printf("%s %.0f %s, written %q\n", record.Path, *record.Value, record.Unit, record.Text)
		}
	}
	// Output: memoryMetrics.peakMemoryUsage 900000000 B, written "900.000 kB"
}
