// Package interop exchanges measurements with other tools.
//
// [ReadFiles] reads what they have written, as sessions of devices that are marked as imported: Go benchmark files (what
// benchstat reads), llama-bench's JSON and CSV, and JSON lines of a published collection of iPhone runs. [Record] makes a
// run of a file. Numbers of others are never judged against measured ones: their fingerprint says that they are imported.
//
// [Read] brings the readings of a recorded run, and a [Format] writes them: gobench, csv, parquet or json, in base units.
// [WritePayloads] writes the MetricKit payloads that were ingested, byte for byte.
package interop
