package main

import (
	"bytes"
	"testing"
	"time"

	flag "github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOldNamesOfFlags(t *testing.T) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	var m measuring
	m.declare(flags)
	require.NoError(t, flags.Parse([]string{"--patience", "7s", "--telemetry-interval", "3s"}))
	assert.Equal(t, 7*time.Second, m.reconnectTimeout)
	assert.Equal(t, 3*time.Second, m.telemetryInterval)
	var notices bytes.Buffer
	noticeAliases(flags, &notices)
	assert.Equal(t, "bench: --patience is now --reconnect-timeout; the old name will be removed in 2.0\n", notices.String())
	assert.True(t, flags.Changed("reconnect-timeout"), "a setting does not override what was typed by its old name")
	assert.NotContains(t, flags.FlagUsages(), "patience")
}

func TestOldNameOfASwitch(t *testing.T) {
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	on := flags.Bool("continue", false, "")
	alias(flags, "pool", "continue")
	require.NoError(t, flags.Parse([]string{"--pool"}))
	assert.True(t, *on)
}
