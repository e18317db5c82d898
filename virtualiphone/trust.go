package virtualiphone

// Trust is what a phone does when a new host asks to pair.
type Trust string

const (
	TrustAuto    Trust = "auto"    // the user taps Trust at once
	TrustPending Trust = "pending" // the dialogue stays open
	TrustDenied  Trust = "denied"  // the user taps Don't Trust
)

// LockdownDomain is the lockdown domain by which a phone says that it is virtual; a real phone has no such domain.
const LockdownDomain = "org.lilims.virtual"
