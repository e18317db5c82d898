// Package tether is the cable: usbmuxd and lockdownd. In come the socket of usbmuxd and a phone's UDID, out come the
// list of phones, their comings and goings, what lockdownd tells of a phone, and an encrypted connection to any of its
// lockdown services. It uses go-ios's usbmux codec over connections that it dials itself, so that every call has a
// deadline and no process-wide setting is needed. It never speaks a service's own protocol.
package tether

import (
	"errors"
	"fmt"
)

// ErrAbsent says that the phone is not attached.
var ErrAbsent = errors.New("the phone is not attached")

// ErrNotPaired says that usbmuxd has no pair record of the phone.
var ErrNotPaired = errors.New("the phone does not trust this computer")

// MuxError says that usbmuxd itself could not be reached.
type MuxError struct {
	Socket string
	Err    error
}

func (e *MuxError) Error() string { return fmt.Sprintf("no usbmuxd at %s: %v", e.Socket, e.Err) }
func (e *MuxError) Unwrap() error { return e.Err }

// LockdownError is a refusal in lockdownd's own word: "PasswordProtected", "InvalidService", "InvalidHostID", …
type LockdownError struct {
	Request string // "StartService com.apple.afc"
	Reason  string
}

func (e *LockdownError) Error() string {
	meaning := map[string]string{
		"PasswordProtected":            "the phone is locked",
		"PairingDialogResponsePending": "the phone asks whether to trust this computer",
		"UserDeniedPairing":            "the phone's user chose not to trust this computer",
	}[e.Reason]
	if meaning != "" {
		return fmt.Sprintf("%s (%s: %s)", meaning, e.Request, e.Reason)
	}
	return fmt.Sprintf("lockdown refused %s: %s", e.Request, e.Reason)
}
