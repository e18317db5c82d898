package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func lab() (harness.Catalog, []harness.Device) {
	catalog := harness.Catalog{Devices: map[string]harness.DeviceProfile{
		"iPhone15": {Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", Aliases: []string{"d37ap"}, Chip: "A16 Bionic",
			MemoryBytes: 6 << 30},
		"iPhone12": {Name: "iPhone12", Marketing: "iPhone 12", ProductType: "iPhone13,2"},
		"iPhone13": {Name: "iPhone13", Marketing: "iPhone 13", ProductType: "iPhone14,5"},
	}}
	return catalog, []harness.Device{
		{UDID: "AA-1", Name: "Anna's iPhone", Kind: harness.KindIPhone, ProductType: "iPhone15,4"},
		{UDID: "AA-2", Name: "rack 1", Kind: harness.KindIPhone, ProductType: "iPhone13,2"},
		{UDID: "AA-3", Name: "rack-2", Kind: harness.KindIPhone, ProductType: "iPhone13,2"},
		{UDID: "host-1", Name: "vm", Kind: harness.KindLocal, ProductType: "linux-amd64"},
		{UDID: "AA-4", Kind: harness.KindIPhone},
	}
}

func TestChooseDevice(t *testing.T) {
	catalog, connected := lab()
	for word, want := range map[string]string{
		"aa-1": "AA-1", "Anna's iPhone": "AA-1", "annas-iphone": "AA-1", "iPhone15,4": "AA-1", "iphone 15": "AA-1", "IPHONE15": "AA-1",
		"D37AP": "AA-1",
		"rack1": "AA-2", "Rack 2": "AA-3", "local": "host-1", "Local": "host-1", "vm": "host-1", "AA-4": "AA-4",
	} {
		got, err := ChooseDevice(word, connected, catalog)
		if assert.NoError(t, err, word) {
			assert.Equal(t, want, got.UDID, word)
		}
	}
}

func TestTheCloserKindOfMatchDecides(t *testing.T) {
	catalog, connected := lab()
	connected = append(connected, harness.Device{UDID: "BB-1", Name: "iPhone15", ProductType: "iPhone13,2"},
		harness.Device{UDID: "vm", Name: "another"})
	for word, want := range map[string]string{"iPhone15": "BB-1", "vm": "vm"} {
		got, err := ChooseDevice(word, connected, catalog)
		require.NoError(t, err, word)
		assert.Equal(t, want, got.UDID, word)
	}
}

func TestNoOneDevice(t *testing.T) {
	catalog, connected := lab()
	for word, tc := range map[string]struct {
		connected  []harness.Device
		text, hint string
	}{
		"iPhone12":           {connected, `2 devices match "iPhone12": rack 1 (AA-2), rack-2 (AA-3)`, "Name one of them by its UDID."},
		"iphone13":           {connected, "no iPhone 13 (iPhone14,5) is connected", "Connected: Anna's iPhone (AA-1), rack 1 (AA-2)"},
		"simulated-iphone51": {connected, `no device is called "simulated-iphone51"`, "Did you mean simulated-iphone15? Connected: "},
		"rack 3":             {connected, `no device is called "rack 3"`, "Did you mean rack 1?"},
		"lokal":              {nil, `no device is called "lokal"`, "Did you mean local? Nothing is connected: plug the phone in"},
		"-":                  {connected, `no device is called "-"`, "(host-1), (AA-4)."},
	} {
		_, err := ChooseDevice(word, tc.connected, catalog)
		require.ErrorContains(t, err, tc.text)
		assert.Equal(t, harness.KindDevice, harness.KindOf(err), word)
		assert.Contains(t, harness.HintOf(err), tc.hint, word)
	}
}

func TestNamesAreListedInPrint(t *testing.T) {
	_, err := ChooseDevice("x", []harness.Device{{UDID: "AA-1", Name: "a\x1b[31m\nb"}}, harness.Catalog{})
	assert.Equal(t, "Connected: a[31mb (AA-1).", harness.HintOf(err))
}

func TestDescribed(t *testing.T) {
	catalog, connected := lab()
	got := Described(connected[0], catalog)
	assert.Equal(t, "iPhone 15", got.Marketing)
	assert.Equal(t, "A16 Bionic", got.Chip)
	assert.EqualValues(t, 6<<30, got.MemoryBytes)
	known := connected[0]
	known.Marketing, known.Chip, known.MemoryBytes = "a", "b", 3
	assert.Equal(t, known, Described(known, catalog), "what the device says stays")
	assert.Equal(t, connected[4], Described(connected[4], catalog), "a phone that tells no product type stays unknown")
}

func TestSameName(t *testing.T) {
	assert.True(t, SameName("simulated-iphone15", "Simulated iPhone 15"))
	assert.False(t, SameName("iPhone 15", "iPhone 15 Pro"))
	assert.False(t, SameName("", "-"), "nothing is no name")
}
