// Package uuid makes identifiers in the form that Apple's systems write them: random (RFC 9562 version 4), upper case.
// Nothing comes in, a text goes out.
package uuid

import (
	"crypto/rand"
	"fmt"
)

// New returns a new identifier.
func New() string {
	var b [16]byte
	rand.Read(b[:]) // does not fail: the runtime ends the program first
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
