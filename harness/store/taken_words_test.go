package store

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestPayloadWordsNeverChange: rows that are kept can only be read over the words that they were written over.
func TestPayloadWordsNeverChange(t *testing.T) {
	sum := sha256.Sum256([]byte(payloadWords))
	got := hex.EncodeToString(sum[:])
	assert.Equal(t, "96f11a29bbef28a9d0da67a597f38462d11a56dc7f894d049ab4b85101c7fa6e", got,
		"the words of formS2 have the hash %s: other words need another form, beside this one", got)
}
