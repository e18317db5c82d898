package battery

import (
	"encoding/json"
	"math"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

func wrap(n int64) uint64 { return uint64(n) }

func TestDecode(t *testing.T) {
	at := time.Unix(1790000000, 0)
	r, err := Decode(map[string]any{
		"Voltage": uint64(3987), "InstantAmperage": wrap(-812), "Amperage": wrap(-700), "Temperature": uint64(2712),
		"CurrentCapacity":         uint64(81),
		"AppleRawCurrentCapacity": uint64(2711), "UpdateTime": uint64(1789999990), "IsCharging": false, "ExternalConnected": true,
		"CycleCount": uint64(17),
		"PowerTelemetryData": map[string]any{
			"SystemLoad": uint64(3100), "AccumulatedSystemLoad": uint64(math.MaxUint64 - 5), "SystemLoadAccumulatorCount": uint64(9000),
			"AccumulatedSystemEnergyConsumed": uint64(77),
		},
	}, at)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		got  *int64
		want int64
	}{
		"voltage": {r.VoltageMillivolt, 3987}, "instant current before average": {r.AmperageMilliampere, -812},
		"temperature": {r.TemperatureCentiC, 2712},
		"percent":     {r.Percent, 81}, "raw capacity": {r.RawCapacityMAh, 2711}, "update time": {r.UpdateTime, 1789999990},
		"system load": {r.SystemLoadMilliwatt, 3100},
	} {
		require.NotNil(t, c.got, "%s", name)
		assert.Equal(t, c.want, *c.got, "%s", name)
	}
	require.Equal(t, uint64(math.MaxUint64-5), *r.AccumulatedSystemLoad, "accumulators")
	require.Equal(t, uint64(9000), *r.SystemLoadCount, "accumulators")
	assert.Equal(t, uint64(77), *r.AccumulatedEnergy, "accumulators")
	require.False(t, *r.Charging, "charging %v, external %v, at %v", *r.Charging, *r.ExternalPower, r.At)
	assert.True(t, *r.ExternalPower, "charging %v, external %v, at %v", *r.Charging, *r.ExternalPower, r.At)
	assert.True(t, r.At.Equal(at), "charging %v, external %v, at %v", *r.Charging, *r.ExternalPower, r.At)
	n := CycleCount(r)
	require.NotNil(t, n, "CycleCount")
	assert.Equal(t, 17, *n, "CycleCount")
	var raw map[string]any
	err = json.Unmarshal([]byte(r.Raw), &raw)
	require.NoError(t, err, "Raw = %s", r.Raw)
	assert.NotNil(t, raw["PowerTelemetryData"], "Raw = %s", r.Raw)
}

func TestAmperageWraps(t *testing.T) {
	for name, c := range map[string]struct {
		wire any
		want int64
	}{
		"64 bits": {wrap(-1), -1}, "32 bits": {uint64(1<<32 - 500), -500}, "16 bits": {uint64(65036), -500},
		"charging": {uint64(1500), 1500}, "signed already": {int64(-3), -3},
	} {
		r, err := Decode(map[string]any{"InstantAmperage": c.wire}, time.Time{})
		require.NoError(t, err, "%s", name)
		require.NotNil(t, r.AmperageMilliampere, "%s", name)
		assert.Equal(t, c.want, *r.AmperageMilliampere, "%s", name)
	}
}

func TestWhatIsMissingIsAbsent(t *testing.T) {
	r, err := Decode(map[string]any{"Voltage": "high", "Serial": []byte{1}, "Odd": math.NaN()}, time.Time{})
	require.NoError(t, err)
	assert.Nil(t, r.VoltageMillivolt, "absent values were invented")
	assert.Nil(t, r.Percent, "absent values were invented")
	assert.Nil(t, r.Charging, "absent values were invented")
	assert.Nil(t, r.AccumulatedSystemLoad, "absent values were invented")
	assert.Nil(t, CycleCount(r), "absent values were invented")
}

// TestKeysThatMoved: the layout that macOS 27 has begun to use.
func TestKeysThatMoved(t *testing.T) {
	r, err := Decode(map[string]any{"ExternalConnected": int64(1), "BatteryData": map[string]any{
		"RemainingCapacity": uint64(2500), "Voltage": uint64(4012), "InstantAmperage": wrap(-640), "Temperature": uint64(2950),
		"IsCharging":         false,
		"PowerTelemetryData": map[string]any{"AccumulatedSystemLoad": uint64(7), "SystemLoadAccumulatorCount": uint64(3)},
	}}, time.Time{})
	require.NoError(t, err)
	assert.False(t, *r.RawCapacityMAh != 2500 || *r.VoltageMillivolt != 4012 || *r.AmperageMilliampere != -640 || *r.TemperatureCentiC != 2950,
		"%d mAh, %d mV, %d mA, %d", *r.RawCapacityMAh, *r.VoltageMillivolt, *r.AmperageMilliampere, *r.TemperatureCentiC)
	require.Equal(t, uint64(7), *r.AccumulatedSystemLoad, "reading")
	require.Equal(t, uint64(3), *r.SystemLoadCount, "reading")
	require.False(t, *r.Charging, "reading")
	assert.True(t, *r.ExternalPower, "reading")
	// A key in its old place stands, whatever lies below.
	r, err = Decode(map[string]any{"Voltage": uint64(3900), "BatteryData": map[string]any{"Voltage": uint64(1)}}, time.Time{})
	require.NoError(t, err, "voltage")
	assert.Equal(t, int64(3900), *r.VoltageMillivolt, "voltage")
}

func TestReadSaysWhatThePhoneSaid(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		var request map[string]any
		plistio.Read(there, &request)
		plistio.Write(there, map[string]any{"Status": "UnknownRequest"})
	}()
	_, err := Read(here, time.Time{})
	require.ErrorContains(t, err, "UnknownRequest", "Read error")
}
