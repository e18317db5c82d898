package harness

import (
	"errors"
	"fmt"
	"strings"
)

// Kind sorts errors by what the caller can do about them; the command line turns it into an exit code.
type Kind string

const (
	KindUsage        Kind = "usage"        // flags or configuration: exit 2
	KindDevice       Kind = "device"       // missing, ambiguous, locked, untrusted, unfit: exit 3
	KindIncomparable Kind = "incomparable" // exit 4
	KindInconclusive Kind = "inconclusive" // a session did not yield all that it was made for: exit 4
	KindNothing      Kind = "nothing"      // sessions were made, and nothing was measured: exit 6
	KindInternal     Kind = "internal"     // exit 5
	KindModel        Kind = "model"        // the model package is corrupt or does not fit: exit 2
	KindBuild        Kind = "build"        // the app build is unreadable or for another platform: exit 2
	KindStorage      Kind = "storage"      // disk full, database locked or damaged: exit 5
)

// Error is what failed, on which device, why, and what to do next.
type Error struct {
	Kind   Kind
	Op     string // "install app", "open device"
	Device string // name and UDID where one is involved
	Err    error
	Hint   string // the next step, an imperative sentence
}

// Error gives op, device and cause on one line; the hint is printed by the command line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Device != "" {
		fmt.Fprintf(&b, " on %s", e.Device)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// UsageError is a mistake in a command line, a configuration or an input file: what was asked for, the next step, what is
// wrong.
func UsageError(op, hint, format string, args ...any) error {
	return &Error{Kind: KindUsage, Op: op, Err: fmt.Errorf(format, args...), Hint: hint}
}

// KindOf returns the kind of the outermost Error in err's chain, or KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// HintOf returns the hint of the outermost Error in err's chain that has one.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
