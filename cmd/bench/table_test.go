package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

// BenchmarkLastEventToTable is what lies between a run's last event and its figures: the end of the session is recorded
// on the disk, the run is read back, and the table and the page are made.
func BenchmarkLastEventToTable(b *testing.B) {
	b.Chdir(b.TempDir())
	var out, errs bytes.Buffer
	code := run(b.Context(), stillEnv(&out, &errs), []string{"run", "--device", "simulated-iphone15"})
	require.Equal(b, exitOK, code, "exit %d: %s", code, errs.String())
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join("data", "bench.sqlite"))
	require.NoError(b, err)
	defer s.Close()
	name, err := s.Latest(ctx, false)
	require.NoError(b, err)
	recorded, err := s.Read(ctx, name)
	require.NoError(b, err)
	base := recorded.Sessions[0]
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		again := recorded.Run
		again.ID = fmt.Sprintf("%s-%d", name, n)
		begin := base.Begin
		entries := []harness.Entry{{Session: begin.ID, SessionBegin: &begin}}
		for i := range base.Iterations {
			entries = append(entries, harness.Entry{Session: begin.ID, Iteration: &base.Iterations[i]})
		}
		for i := range base.Samples {
			entries = append(entries, harness.Entry{Session: begin.ID, Sample: &base.Samples[i]})
		}
		if err := s.Begin(ctx, again); err != nil {
			b.Fatal(err)
		}
		if err := s.Record(ctx, again.ID, entries...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := s.Record(ctx, again.ID, harness.Entry{Session: begin.ID, SessionEnd: base.End}); err != nil {
			b.Fatal(err)
		}
		if err := s.Finish(ctx, again.ID, begin.At); err != nil {
			b.Fatal(err)
		}
		read, err := s.Read(ctx, again.ID)
		if err != nil {
			b.Fatal(err)
		}
		report := reports.New(read)
		if err := report.Text(io.Discard); err != nil {
			b.Fatal(err)
		}
		if _, err := reports.WritePage("data", report); err != nil {
			b.Fatal(err)
		}
	}
}
