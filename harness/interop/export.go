package interop

import (
	"context"
	"encoding/json"
	"io"

	"github.com/lilims/bench/harness"
)

// Series is one metric of one session.
type Series struct {
	Metric string `json:"metric"`
	harness.SessionSeries
}

// Recordings is what Read reads from.
type Recordings interface {
	SeriesOf(ctx context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error)
}

// Read reads every metric of a run, metric by metric in the order of reports.
func Read(ctx context.Context, recordings Recordings, run string) ([]Series, error) {
	of, err := recordings.SeriesOf(ctx, harness.SeriesQuery{Run: run})
	if err != nil {
		return nil, err
	}
	var out []Series
	for _, m := range harness.Metrics() {
		for _, s := range of[m.Name] {
			out = append(out, Series{m.Name, s})
		}
	}
	return out, nil
}

// Format writes series for other tools.
type Format func(w io.Writer, series []Series) error

// Creator is the version of the program that writes a file, for formats that name it.
type Creator struct{ Version, Revision string }

// FormatNamed finds a format: gobench, csv, parquet or json.
func FormatNamed(name string, creator Creator) (Format, error) {
	format, ok := map[string]Format{
		"gobench": writeGoBench, "csv": writeCSV, "json": writeJSON,
		"parquet": func(w io.Writer, series []Series) error { return writeParquet(w, series, creator) },
	}[name]
	if !ok {
		return nil, harness.UsageError("export", "Formats: gobench, csv, json, parquet, metrickit.", "no format is called %q", name)
	}
	return format, nil
}

// writeJSON writes a list with an element a series.
func writeJSON(w io.Writer, series []Series) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(append([]Series{}, series...))
}
