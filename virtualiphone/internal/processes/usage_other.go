//go:build !linux

package processes

import (
	"errors"
	"runtime"

	"github.com/lilims/bench/virtualiphone/process"
)

// usageOf cannot look into processes of this host; what is not measured is an error, never zero.
func usageOf(int) (process.Usage, error) {
	return process.Usage{}, errors.New("process usage is not readable on " + runtime.GOOS)
}

// Listens cannot tell whose a port is on this host, so no port is an app's.
func (t *Table) Listens(uint16) bool { return false }
