package virtualiphone

import "github.com/lilims/bench/virtualiphone/internal/lockdown"

// Trust is what a phone does when a new host asks to pair.
type Trust string

const (
	TrustAuto    = Trust(lockdown.TrustAuto)    // "auto": the user taps Trust at once
	TrustPending = Trust(lockdown.TrustPending) // "pending": the dialogue stays open
	TrustDenied  = Trust(lockdown.TrustDenied)  // "denied": the user taps Don't Trust
)

// LockdownDomain is the lockdown domain by which a phone says that it is virtual; a real phone has no such domain.
const LockdownDomain = lockdown.VirtualDomain
