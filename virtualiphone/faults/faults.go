// Package faults says how a virtual iPhone shall fail on purpose: a script of faults by service, a cable with a delay and
// a width, an instruments server with the habits of a troublesome phone. In come a test's wishes, out go the answers to
// the phone's services, which ask whether something goes wrong now. It never returns an error that a real phone could
// not show, and it touches no stream itself.
package faults

import (
	"fmt"
	"sync"
	"time"
)

// Kind names a fault.
type Kind string

const (
	// Delay waits Fault.Delay before the service answers.
	Delay Kind = "delay"
	// Drop closes the stream when the host has sent AfterBytes.
	Drop Kind = "drop"
	// Detach pulls the cable when the host has sent AfterBytes.
	Detach Kind = "detach"
	// Refuse answers the request for the service with Error.
	Refuse Kind = "refuse"
	// Reply makes the service itself answer its next request with Error (AFC: with status Code).
	Reply Kind = "reply"
	// TLSAbort closes the stream in the middle of the handshake.
	TLSAbort Kind = "tls_abort"
	// Locked answers the request for the service as a locked phone does.
	Locked Kind = "locked"
	// PairingPending answers a pairing request as a phone whose Trust dialogue is open does.
	PairingPending Kind = "pairing_pending"
	// NoImage answers the request for the service as a phone without developer image does.
	NoImage Kind = "no_image"
)

// Lockdown is the service name for faults of the lockdown connection itself; Any is every service but that.
const (
	Lockdown = "lockdown"
	Any      = "*"
)

// Fault is one thing that goes wrong.
type Fault struct {
	Service    string        `json:"service"` // "com.apple.afc", Lockdown or Any
	Kind       Kind          `json:"kind"`
	Delay      time.Duration `json:"delay_ns,omitempty"`
	AfterBytes int64         `json:"after_bytes,omitempty"` // encrypted bytes from the host, handshake included
	Error      string        `json:"error,omitempty"`
	Code       uint64        `json:"code,omitempty"`
	Times      int           `json:"times,omitempty"` // how often it happens; 0: until cleared
}

// Check says what is wrong with a fault before it is scripted.
func (f Fault) Check() error {
	switch {
	case f.Service == "":
		return fmt.Errorf("fault %q names no service; %q is all of them", f.Kind, Any)
	case f.Kind == Delay && f.Delay <= 0:
		return fmt.Errorf("fault delay on %s needs a delay above 0", f.Service)
	case f.Kind == Refuse && f.Error == "":
		return fmt.Errorf("fault refuse on %s needs the error text to answer with", f.Service)
	case f.Kind == Reply && f.Error == "" && f.Code == 0:
		return fmt.Errorf("fault reply on %s needs an error text or a status code", f.Service)
	case f.Times < 0 || f.AfterBytes < 0:
		return fmt.Errorf("fault %s on %s has a negative count", f.Kind, f.Service)
	}
	switch f.Kind {
	case Delay, Drop, Detach, Refuse, Reply, TLSAbort, Locked, PairingPending, NoImage:
		return nil
	}
	return fmt.Errorf("unknown fault %q", f.Kind)
}

// Link is how the cable behaves. The zero value is as fast as the host.
type Link struct {
	RTT            time.Duration `json:"rtt_ns"`           // round trip; half of it each way
	BytesPerSecond int64         `json:"bytes_per_second"` // each way; 0: unlimited. USB 2 carries 30 to 35 MB/s
}

// Script is the faults in force on one phone. The zero value is empty and ready. It is safe for concurrent use.
type Script struct {
	mu     sync.Mutex
	faults []Fault
}

// Add puts a fault in force.
func (s *Script) Add(f Fault) error {
	if err := f.Check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
	return nil
}

// Clear ends all faults of a service, or all faults if service is Any.
func (s *Script) Clear(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []Fault
	for _, f := range s.faults {
		if service != Any && f.Service != service {
			kept = append(kept, f)
		}
	}
	s.faults = kept
}

// List returns the faults in force.
func (s *Script) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault(nil), s.faults...)
}

// Take returns the first fault of that service and kind and counts it as happened.
func (s *Script) Take(service string, kind Kind) (Fault, bool) {
	if s == nil {
		return Fault{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		matches := f.Service == service || f.Service == Any && service != Lockdown
		if !matches || f.Kind != kind {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.Times > 1 {
			s.faults[i].Times--
		}
		return f, true
	}
	return Fault{}, false
}

// Instruments make the instruments server behave as troublesome phones have been seen to. The zero value is a healthy
// phone.
type Instruments struct {
	EmptyOutput   bool // every output event is preceded by one without arguments, as iOS 26 sends
	FragmentBytes int  // messages with a longer body are sent in fragments of this size, in bytes; 0: never
	NoFootprints  bool // processes tell no footprint
}
