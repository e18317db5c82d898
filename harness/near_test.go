package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNear(t *testing.T) {
	known := []string{"iPhone12", "iPhone15", "iPhone15Pro"}
	for typed, want := range map[string]string{
		"iphone15": "iPhone15", "iPohne15": "iPhone15", "iPhone15Por": "iPhone15Pro", "pixel": "", "": "", "x": "",
	} {
		assert.Equal(t, want, Near(typed, known), "near %q", typed)
	}
}
