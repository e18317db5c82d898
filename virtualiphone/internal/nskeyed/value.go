// Package nskeyed reads and writes NSKeyedArchiver archives as binary property lists: the values inside DTX messages.
// Go values come in and archive bytes go out, and back. It knows the Foundation classes that instruments clients use
// and refuses the rest by name; it never calls anything and never trusts a reference or a length.
package nskeyed

import "fmt"

// Archived values map to Go as follows; Unarchive yields the first type of each line, Archive takes all.
//
//	$null                 nil (inside a collection Archive writes NSNull, as Foundation collections hold no nil)
//	NSNull                Null
//	NSString              string
//	NSNumber              bool, float64, int64 (uint64 above the int64 range); every Go integer
//	NSData                []byte
//	NSDate                time.Time
//	NSUUID                UUID
//	NSArray               []any; []string
//	NSSet                 Set
//	NSDictionary          map[string]any, or map[any]any where a key is no string; map[int64]any
//	NSError               *Error
//	DTTapMessage family   Tap
//
// Mutable classes read as their immutable ones.

// Null is NSNull.
type Null struct{}

// Set is an NSSet; its order carries no meaning.
type Set []any

// UUID is an NSUUID.
type UUID [16]byte

// String formats the UUID as 8-4-4-4-12 upper-case hex digits, as Apple prints it.
func (u UUID) String() string {
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[0:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Tap is one of the messages that instruments taps send: a class name and the property list it wraps.
type Tap struct {
	Class string // "DTSysmonTapMessage"
	Plist any
}

// Error is an NSError.
type Error struct {
	Domain   string
	Code     int64
	UserInfo map[string]any
}

// Description is the key of an NSError's text for people.
const Description = "NSLocalizedDescription"

// NewError returns an error with a description.
func NewError(domain string, code int64, description string) *Error {
	return &Error{Domain: domain, Code: code, UserInfo: map[string]any{Description: description}}
}

func (e *Error) Error() string {
	if text, ok := e.UserInfo[Description].(string); ok {
		return fmt.Sprintf("%s (%s %d)", text, e.Domain, e.Code)
	}
	return fmt.Sprintf("%s %d", e.Domain, e.Code)
}

// Int returns v as an integer where it is one, or a whole float, or a boolean: clients write numbers in all three ways.
func Int(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(n), n <= 1<<63-1
	case float64:
		return int64(n), n == float64(int64(n))
	case bool:
		if n {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
