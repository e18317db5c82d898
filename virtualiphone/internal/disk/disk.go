// Package disk is the virtual iPhone's storage: how much there is and how much is free. Writers reserve what they are
// about to add and give back what they remove; what the apps write on their own is found by looking again. It stores
// nothing itself.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/clock"
)

// ErrFull says that a reservation does not fit.
var ErrFull = errors.New("no space left on device")

// BlockSize is what hosts are told; sizes are counted in bytes all the same.
const BlockSize = 4096

// rescanAfter bounds how often the folder is walked.
const rescanAfter = 2 * time.Second

// Disk is one phone's storage below a folder. It is safe for concurrent use.
type Disk struct {
	dir   string
	clock clock.Clock

	mu       sync.Mutex
	capacity int64
	used     int64
	scanned  time.Time
}

// Open measures what lies below dir already.
func Open(dir string, capacity int64, clock clock.Clock) (*Disk, error) {
	if capacity <= 0 {
		return nil, fmt.Errorf("disk of %d bytes", capacity)
	}
	d := &Disk{dir: dir, clock: clock, capacity: capacity}
	d.scan()
	return d, nil
}

// scan counts the bytes below dir. Files may vanish meanwhile; they count as nothing.
func (d *Disk) scan() {
	var used int64
	_ = filepath.WalkDir(d.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			used += info.Size()
		}
		return nil
	})
	d.used, d.scanned = used, d.clock.Now()
}

// Total and Free are in bytes. Free looks again if the last look is a while ago.
func (d *Disk) Total() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.capacity
}

func (d *Disk) Free() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clock.Now().Sub(d.scanned) >= rescanAfter {
		d.scan()
	}
	return max(0, d.capacity-d.used)
}

// SetFree changes the capacity so that this much is free now, for tests of a full phone.
func (d *Disk) SetFree(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.scan()
	d.capacity = d.used + max(0, bytes)
}

// Reserve accounts for bytes that are about to be written.
func (d *Disk) Reserve(bytes int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bytes > d.capacity-d.used {
		return ErrFull
	}
	d.used += bytes
	return nil
}

// Release accounts for bytes that are gone.
func (d *Disk) Release(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.used = max(0, d.used-bytes)
}
