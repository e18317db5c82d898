// Package store keeps runs in one SQLite file: every session, event line, iteration with its raw token time stamps,
// sample, battery reading, absence, payload and notice. Entries come in from the engine, through the interface that it
// defines; series and whole runs go out to statistics and reports. It is the only package that says SQL, and it computes
// no figure but medians of what it was given: a value that was not recorded stays absent.
//
// # Rows and blocks
//
// What arrives is a row at once. When a launch ends, its rows become one block (package block) in the same transaction
// as its end: all that it yielded, byte for byte, in a fifteenth of the space, because a night of a lab is mostly time
// stamps that can nearly be foreseen. A block is read back and compared with the rows before they are deleted. What is asked of
// thousands of launches at a time, the figures of each metric, lies beside the block, so that a year of a fleet is gated
// and searched for trends without opening one. An entry that comes after the end opens its launch again and seals it
// anew. Launches that an earlier version has recorded are sealed when the file is first opened.
//
// Rows were never taken away before; that they are now is safe because the block holds them whole, and it is what keeps
// a night of twenty phones under 50 MB.
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
