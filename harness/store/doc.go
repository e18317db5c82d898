// Package store keeps runs in one SQLite file: every session, event line, iteration with its raw token time stamps,
// sample, battery reading, absence, payload and notice, as rows that are only ever added. Entries come in from the
// engine, through the interface that it defines; series and whole runs go out to statistics and reports. It is the only
// package that says SQL, and it computes no figure: a value that was not recorded stays absent.
//
// # Durability
//
// One Record call is one transaction: all of it is kept or none. The file is in WAL mode with synchronous=NORMAL, so a
// committed row survives the death of the process at once (it is in the operating system's hands), and a power cut of
// the host can lose only what came after the last checkpoint. A checkpoint, which waits for the disk, is made when a
// session ends and when a run is finished.
//
// Note: synchronous=FULL would wait for the disk at every event line, tens of times a second beside a running
// measurement, to guard against a host's power cut alone; the same lines still lie in the event file on the phone, and
// a resumed run reads them again. Batches held in memory for a time would be faster still and lose them to kill -9.
//
// Readers have connections of their own and see the last commit; they never wait for the writer nor make it wait.
package store
