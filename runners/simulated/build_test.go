package simulated

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestConfiguration(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "BenchApp.ipa", "Release"},
		{"in a file name", "builds/app-speed=0.85.ipa", "Release speed=0.85"},
		{"both, in either order", "memory=1.2 speed=0.9", "Release speed=0.9 memory=1.2"},
		{"hotter", "app-power=4.ipa", "Release power=4"},
		{"other words, other units", "app-other=20-cpu=3.ipa", "Release other=20 cpu=3"},
		{"no number", "speed=fast", "Release"},
		{"not positive", "speed=0", "Release"},
		{"too large", "speed=1000", "Release"},
	} {
		assert.Equal(t, c.want, Configuration("Release", c.text), "%s: Configuration(%q)", c.name, c.text)
	}
}
