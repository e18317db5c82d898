// Package process names what runs on a virtual iPhone: its installed apps, its processes, how they end, and the table
// through which they are launched, listed, watched and ended. A test asks a phone's table what a client has done to it;
// the phone's own services answer clients from the same table. It knows no protocol.
package process

import (
	"context"
	"io"
	"time"
)

// App is an installed app as the phone lists it.
type App struct {
	BundleID string
	Name     string
	Version  string // CFBundleShortVersionString
	Build    string // CFBundleVersion
	Path     string // on the phone: /private/var/containers/Bundle/Application/<UUID>/X.app
}

// Spec is a launch as a client asks for it.
type Spec struct {
	BundleID     string
	Args         []string
	Env          map[string]string
	Suspended    bool      // created but not running until Resume
	KillExisting bool      // end a running instance first; without it a second launch returns the running one
	Output       io.Writer // receives standard output and error as they come; nil: the phone's system log only
}

// Info is a process as the phone lists it.
type Info struct {
	PID      int
	BundleID string // empty for system processes
	Name     string
	Path     string // on the phone: /private/var/containers/Bundle/Application/<UUID>/X.app/X
	Started  time.Time
}

// Exit is how a process ended: by itself with a code, or by a signal.
type Exit struct {
	Code   int
	Signal int // 0: not by a signal
}

// Usage is what sysmontap reports of a process.
type Usage struct {
	CPUSeconds     float64
	FootprintBytes int64
	ResidentBytes  int64
}

// Table is a phone's processes. It is safe for concurrent use.
type Table interface {
	// Launch starts the app of spec.BundleID. The error text is what a phone would tell the client.
	Launch(ctx context.Context, spec Spec) (Info, error)
	Resume(pid int) error
	List() []Info
	Signal(pid, signal int) error
	// Watch calls fn once when the process has ended, at once if it has already.
	Watch(pid int, fn func(Exit)) error
	Usage(pid int) (Usage, error)
}
