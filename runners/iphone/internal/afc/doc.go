// Package afc is a client of Apple File Conduit, the file service of an iPhone. In comes a connection to an AFC
// service (the media folder, an app's container, the crash reports), out come its files. Writes and reads are pipelined:
// the library's own client waits for an answer after every 64 KiB, which on a cable with a millisecond of delay leaves most of
// the link idle. A Client is used by one goroutine. It knows nothing of what the files mean.
package afc

import (
	"errors"
	"fmt"
)

// Sizes of the pipeline: a chunk is one write or read request, window how many are on their way at once. Four megabytes
// in flight fill a USB 2 link with 100 ms of delay. Larger chunks were slower over loopback: they leave the cache.
const (
	chunk  = 256 << 10
	window = 16
)

// maxAnswer is the longest answer accepted, in bytes: a directory of a hundred thousand names, or one read.
const maxAnswer = 64 << 20

// Status is an AFC status code, as an error.
type Status uint64

// Codes that callers tell apart.
const (
	StatusNotFound     Status = 8
	StatusIsDir        Status = 9
	StatusPermission   Status = 10
	StatusEndOfData    Status = 14
	StatusNotSupported Status = 15
	StatusExists       Status = 16
	StatusNoSpace      Status = 18
	StatusNotEmpty     Status = 33
)

var statusNames = map[Status]string{
	1: "unknown error", 2: "invalid header", 3: "no resources", 4: "read error", 5: "write error", 6: "unknown packet type",
	7: "invalid argument", StatusNotFound: "no such file", StatusIsDir: "is a folder", StatusPermission: "permission denied",
	11: "service not connected",
	12: "timeout", 13: "too much data", StatusEndOfData: "end of data", StatusNotSupported: "not supported",
	StatusExists: "exists already", 17: "busy", StatusNoSpace: "no space left on the phone", 19: "would block", 20: "I/O error",
	21: "interrupted", 22: "in progress", 23: "internal error",
	30: "mux error", 31: "out of memory", 32: "not enough data", StatusNotEmpty: "folder not empty",
}

func (s Status) Error() string {
	if name, ok := statusNames[s]; ok {
		return name
	}
	return fmt.Sprintf("AFC status %d", uint64(s))
}

// IsNotFound reports whether err says that a file or folder is not there.
func IsNotFound(err error) bool { return errors.Is(err, StatusNotFound) }
