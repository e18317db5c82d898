package battery

import (
	"encoding/json"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

func wrap(n int64) uint64 { return uint64(n) }

func TestDecode(t *testing.T) {
	at := time.Unix(1790000000, 0)
	r, err := Decode(map[string]any{
		"Voltage": uint64(3987), "InstantAmperage": wrap(-812), "Amperage": wrap(-700), "Temperature": uint64(2712), "CurrentCapacity": uint64(81),
		"AppleRawCurrentCapacity": uint64(2711), "UpdateTime": uint64(1789999990), "IsCharging": false, "ExternalConnected": true, "CycleCount": uint64(17),
		"PowerTelemetryData": map[string]any{"SystemLoad": uint64(3100), "AccumulatedSystemLoad": uint64(math.MaxUint64 - 5), "SystemLoadAccumulatorCount": uint64(9000), "AccumulatedSystemEnergyConsumed": uint64(77)},
	}, at)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		got  *int64
		want int64
	}{
		"voltage": {r.VoltageMillivolt, 3987}, "instant current before average": {r.AmperageMilliampere, -812}, "temperature": {r.TemperatureCentiC, 2712},
		"percent": {r.Percent, 81}, "raw capacity": {r.RawCapacityMAh, 2711}, "update time": {r.UpdateTime, 1789999990}, "system load": {r.SystemLoadMilliwatt, 3100},
	} {
		if c.got == nil || *c.got != c.want {
			t.Errorf("%s = %v, want %d", name, c.got, c.want)
		}
	}
	if *r.AccumulatedSystemLoad != math.MaxUint64-5 || *r.SystemLoadCount != 9000 || *r.AccumulatedEnergy != 77 {
		t.Errorf("accumulators = %d %d %d", *r.AccumulatedSystemLoad, *r.SystemLoadCount, *r.AccumulatedEnergy)
	}
	if *r.Charging || !*r.ExternalPower || !r.At.Equal(at) {
		t.Errorf("charging %v, external %v, at %v", *r.Charging, *r.ExternalPower, r.At)
	}
	if n := CycleCount(r); n == nil || *n != 17 {
		t.Errorf("CycleCount = %v, want 17", n)
	}
	var raw map[string]any
	if err := json.Unmarshal([]byte(r.Raw), &raw); err != nil || raw["PowerTelemetryData"] == nil {
		t.Errorf("Raw = %s, %v", r.Raw, err)
	}
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
		if err != nil || r.AmperageMilliampere == nil || *r.AmperageMilliampere != c.want {
			t.Errorf("%s: %v, %v; want %d", name, r.AmperageMilliampere, err, c.want)
		}
	}
}

func TestWhatIsMissingIsAbsent(t *testing.T) {
	r, err := Decode(map[string]any{"Voltage": "high", "Serial": []byte{1}, "Odd": math.NaN()}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if r.VoltageMillivolt != nil || r.Percent != nil || r.Charging != nil || r.AccumulatedSystemLoad != nil || CycleCount(r) != nil {
		t.Errorf("absent values were invented: %+v", r)
	}
}

// TestKeysThatMoved: the layout that macOS 27 has begun to use.
func TestKeysThatMoved(t *testing.T) {
	r, err := Decode(map[string]any{"ExternalConnected": int64(1), "BatteryData": map[string]any{
		"RemainingCapacity": uint64(2500), "Voltage": uint64(4012), "InstantAmperage": wrap(-640), "Temperature": uint64(2950), "IsCharging": false,
		"PowerTelemetryData": map[string]any{"AccumulatedSystemLoad": uint64(7), "SystemLoadAccumulatorCount": uint64(3)},
	}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if *r.RawCapacityMAh != 2500 || *r.VoltageMillivolt != 4012 || *r.AmperageMilliampere != -640 || *r.TemperatureCentiC != 2950 {
		t.Errorf("%d mAh, %d mV, %d mA, %d", *r.RawCapacityMAh, *r.VoltageMillivolt, *r.AmperageMilliampere, *r.TemperatureCentiC)
	}
	if *r.AccumulatedSystemLoad != 7 || *r.SystemLoadCount != 3 || *r.Charging || !*r.ExternalPower {
		t.Errorf("reading %+v", r)
	}
	// A key in its old place stands, whatever lies below.
	r, err = Decode(map[string]any{"Voltage": uint64(3900), "BatteryData": map[string]any{"Voltage": uint64(1)}}, time.Time{})
	if err != nil || *r.VoltageMillivolt != 3900 {
		t.Errorf("voltage %v, %v", r.VoltageMillivolt, err)
	}
}

func TestReadSaysWhatThePhoneSaid(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		var request map[string]any
		plistio.Read(there, &request)
		plistio.Write(there, map[string]any{"Status": "UnknownRequest"})
	}()
	if _, err := Read(here, time.Time{}); err == nil || !strings.Contains(err.Error(), "UnknownRequest") {
		t.Errorf("Read error = %v", err)
	}
}
