package battery

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

func TestServeRelay(t *testing.T) {
	gauge, err := New(hosttest.NewClock(), Defaults(), 12.98, func() float64 { return 0 }, Options{})
	require.NoError(t, err)
	host, phone := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- gauge.ServeRelay(t.Context(), phone) }()
	frames := plistio.New(host)
	require.NoError(t, frames.Send(map[string]any{"Request": "IORegistry", "EntryName": "AppleSmartBattery"}))
	answer, err := frames.Receive()
	require.NoError(t, err)
	entry := answer.Dict("Diagnostics").Dict("IORegistry")
	assert.EqualValues(t, gauge.Registry()["CycleCount"], entry.Uint("CycleCount"))
	assert.NotEmpty(t, entry.Dict("PowerTelemetryData"))
	require.NoError(t, host.Close())
	assert.NoError(t, <-served, "the host has hung up between requests")
}

func TestRank(t *testing.T) {
	for state, rank := range map[ThermalState]int{
		ThermalNominal: 0, ThermalFair: 1, ThermalSerious: 2, ThermalCritical: 3, "hot": -1, "": -1,
	} {
		assert.Equal(t, rank, state.Rank(), "state %q", state)
	}
}
