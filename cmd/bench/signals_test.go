package main

import (
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestMain lets the programs that tests start end by a signal. What runs in the background of a script has signals ignored,
// and its children inherit that; but a signal that is caught here has its default again in a child.
func TestMain(m *testing.M) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	os.Exit(m.Run())
}

// TestSignalsAreNotIgnored: the children of this process do not inherit that they are.
func TestSignalsAreNotIgnored(t *testing.T) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		assert.False(t, signal.Ignored(s), s)
	}
}
