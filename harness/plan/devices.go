package plan

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	"github.com/lilims/bench/harness"
)

// ChooseDevice returns the one connected device that a word means. The closest kind of match decides: UDID, then name,
// then what kind of device it is. Two that match alike are an error that lists them, since a run on the wrong phone is
// worse than none. Errors are of kind device and name what is connected and what is near.
func ChooseDevice(word string, connected []harness.Device, catalog harness.Catalog) (harness.Device, error) {
	matches := []func(harness.Device) bool{
		func(d harness.Device) bool { return strings.EqualFold(d.UDID, word) },
		func(d harness.Device) bool { return d.Name == word },
		func(d harness.Device) bool {
			return d.Kind == harness.KindLocal && SameName(word, string(harness.KindLocal))
		},
		func(d harness.Device) bool { return SameName(d.Name, word) },
		func(d harness.Device) bool { return strings.EqualFold(d.ProductType, word) },
		func(d harness.Device) bool {
			p, ok := ProfileNamed(word, catalog)
			return ok && p.ProductType == d.ProductType
		},
	}
	for _, match := range matches {
		var found []harness.Device
		for _, d := range connected {
			if match(d) {
				found = append(found, d)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return harness.Device{}, deviceError(fmt.Errorf("%d devices match %q: %s", len(found), word, listed(found)),
				"Name one of them by its UDID.")
		}
	}
	return harness.Device{}, noDevice(word, connected, catalog)
}

// ProfileNamed finds a device of the catalogue by any of its names: "iPhone15", "iPhone 15", "iPhone15,4".
func ProfileNamed(word string, catalog harness.Catalog) (harness.DeviceProfile, bool) {
	for _, p := range catalog.Devices {
		for _, name := range append([]string{p.Name, p.ProductType, p.Marketing}, p.Aliases...) {
			if SameName(name, word) {
				return p, true
			}
		}
	}
	return harness.DeviceProfile{}, false
}

// Described fills in what the catalogue knows of a device and the device does not say.
func Described(d harness.Device, catalog harness.Catalog) harness.Device {
	for _, p := range catalog.Devices {
		if p.ProductType != d.ProductType || d.ProductType == "" {
			continue
		}
		if d.Marketing == "" {
			d.Marketing = p.Marketing
		}
		if d.Chip == "" {
			d.Chip = p.Chip
		}
		if d.MemoryBytes == 0 {
			d.MemoryBytes = p.MemoryBytes
		}
	}
	return d
}

// Letters reduces a name to its letters and digits in lower case: "simulated-iphone15" is "Simulated iPhone 15".
func Letters(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// SameName reports whether two names agree in their letters and digits, and have any.
func SameName(a, b string) bool { return Letters(a) == Letters(b) && Letters(a) != "" }

// NoDeviceNamed is the error of a selection that names no device.
func NoDeviceNamed() error {
	return harness.UsageError("choose device", "`bench devices` lists what there is; simulated-iphone15 needs no phone.",
		"no --device is given")
}

// noDevice says what is connected instead, and which names are near what was typed.
func noDevice(word string, connected []harness.Device, catalog harness.Catalog) error {
	there := "Connected: " + listed(connected) + "."
	if len(connected) == 0 {
		there = "Nothing is connected: plug the phone in, unlock it and trust this host; `bench virtual` offers a virtual one."
	}
	if p, ok := ProfileNamed(word, catalog); ok {
		return deviceError(fmt.Errorf("no %s (%s) is connected", p.Marketing, p.ProductType), there)
	}
	if near := harness.Near(word, knownNames(connected, catalog)); near != "" {
		there = fmt.Sprintf("Did you mean %s? %s", near, there)
	}
	return deviceError(fmt.Errorf("no device is called %q", word), there)
}

func knownNames(connected []harness.Device, catalog harness.Catalog) []string {
	known := []string{string(harness.KindLocal)}
	for _, d := range connected {
		known = append(known, d.Name, d.UDID)
	}
	for _, p := range catalog.Devices {
		known = append(known, p.Name, "simulated-"+strings.ToLower(p.Name))
	}
	sort.Strings(known)
	return slices.Compact(known)
}

func deviceError(err error, hint string) error {
	return &harness.Error{Kind: harness.KindDevice, Op: "choose device", Err: err, Hint: hint}
}

// listed names devices by name and UDID; one that has told no name is named by its UDID. Names come from the devices: a
// terminal would obey control characters.
func listed(devices []harness.Device) string {
	var out []string
	for _, d := range devices {
		out = append(out, strings.TrimSpace(harness.PrintableLine(fmt.Sprintf("%s (%s)", d.Name, d.UDID))))
	}
	return strings.Join(out, ", ")
}
