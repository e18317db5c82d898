// Package ingest imports MetricKit payloads: from files, folders and standard input ([FromFiles]), and from what the
// sessions of a run brought along ([FromRun]). Each payload is kept in the database byte for byte, once, with the figures
// that package crosscheck compares; one that cannot be read is kept and reported too.
//
// # How it is fast
//
// One goroutine finds where payloads end, a worker for each processor parses and compresses batches of them, and the
// caller's goroutine writes a batch in one transaction, in the order of the sources. What is on its way is bounded in
// bytes, so memory does not grow with what is ingested.
package ingest
