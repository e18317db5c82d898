package uuid

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNew(t *testing.T) {
	form := regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`)
	a, b := New(), New()
	assert.True(t, form.MatchString(a), "New() = %q, then %q", a, b)
	assert.NotEqual(t, b, a, "New() = %q, then %q", a, b)
}
