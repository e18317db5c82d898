package virtualiphone

import (
	"fmt"
	"strings"
)

// Kind sorts errors by what the caller can do about them.
type Kind string

const (
	KindUsage    Kind = "usage"    // what was asked for cannot be: ask otherwise
	KindStorage  Kind = "storage"  // this host's disk: free or open the folder
	KindInternal Kind = "internal" // the phone could not be made or served
)

// Error is what failed, on which phone, why, and what to do next.
type Error struct {
	Kind  Kind
	Op    string // "open virtual lab"
	Phone string // the phone's name, where one is involved
	Err   error
	Hint  string // the next step, an imperative sentence; empty if there is none
}

// Error gives op, phone and cause on one line, without the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Phone != "" {
		fmt.Fprintf(&b, " on %s", e.Phone)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }
