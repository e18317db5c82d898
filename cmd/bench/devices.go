package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/reports"
)

func devicesCommand() command {
	return command{
		name: "devices", summary: "list what can be measured on now", usage: "[--json]",
		setup: func(flags *flag.FlagSet) action {
			configs := configsFlag(flags)
			data := dataFlag(flags)
			asJSON := flags.Bool("json", false, "print the devices as JSON")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("devices", rest); err != nil {
					return 0, err
				}
				catalog, err := loadCatalog(*configs)
				if err != nil {
					return 0, err
				}
				return exitOK, listDevices(ctx, lab{env: env, catalog: catalog, data: dataFolder(env, *data)}, *asJSON)
			}
		},
	}
}

// listDevices asks every runner. One that cannot answer is named on standard error and does not hide the others.
func listDevices(ctx context.Context, l lab, asJSON bool) error {
	all := []harness.Device{}
	for _, name := range runnerNames() {
		runner, err := openRunner(name, l)
		if err == nil {
			var found []harness.Device
			found, err = runner.Devices(ctx)
			for _, d := range found {
				all = append(all, described(d, l.catalog))
			}
		}
		if err != nil {
			fail(l.env, err)
		}
	}
	if asJSON {
		encoder := json.NewEncoder(l.env.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	}
	rows := [][]string{{"NAME", "KIND", "MODEL", "OS", "UDID"}}
	for _, d := range all {
		rows = append(rows, []string{d.Name, string(d.Kind), strings.TrimSpace(d.Marketing + " " + d.ProductType), strings.TrimSpace(d.OSVersion + " " + d.OSBuild), d.UDID})
	}
	return reports.Columns(l.env.Stdout, rows)
}

// described fills in what the catalogue knows of a device and the device does not say.
func described(d harness.Device, catalog harness.Catalog) harness.Device {
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

// plain reduces a word to its letters and digits in lower case: "simulated-iphone15" is "Simulated iPhone 15".
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// chooseDevice returns the one connected device that a word means. The closest kind of match decides: UDID, then name,
// then what kind of device it is. Two that match alike are an error that lists them, since a run on the wrong phone is
// worse than none.
func chooseDevice(word string, connected []harness.Device, catalog harness.Catalog) (harness.Device, error) {
	matches := []func(harness.Device) bool{
		func(d harness.Device) bool { return strings.EqualFold(d.UDID, word) },
		func(d harness.Device) bool { return d.Name == word },
		func(d harness.Device) bool { return d.Kind == harness.KindLocal && plain(word) == runnerLocal },
		func(d harness.Device) bool { return plain(d.Name) == plain(word) && plain(word) != "" },
		func(d harness.Device) bool { return strings.EqualFold(d.ProductType, word) },
		func(d harness.Device) bool {
			p, ok := profileNamed(word, catalog)
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
			return harness.Device{}, deviceError(fmt.Errorf("%d devices match %q: %s", len(found), word, listed(found)), "Name one of them by its UDID.")
		}
	}
	return harness.Device{}, noDevice(word, connected, catalog)
}

// profileNamed finds a device of the catalogue by any of its names.
func profileNamed(word string, catalog harness.Catalog) (harness.DeviceProfile, bool) {
	for _, p := range catalog.Devices {
		for _, name := range append([]string{p.Name, p.ProductType, p.Marketing}, p.Aliases...) {
			if plain(name) == plain(word) && plain(word) != "" {
				return p, true
			}
		}
	}
	return harness.DeviceProfile{}, false
}

// noDevice says what is connected instead, and which names are near what was typed.
func noDevice(word string, connected []harness.Device, catalog harness.Catalog) error {
	there := "Connected: " + listed(connected) + "."
	if len(connected) == 0 {
		there = "Nothing is connected: plug the phone in, unlock it and trust this host; `bench virtual` offers a virtual one."
	}
	if p, ok := profileNamed(word, catalog); ok {
		return deviceError(fmt.Errorf("no %s (%s) is connected", p.Marketing, p.ProductType), there)
	}
	known := knownNames(connected, catalog)
	if near := harness.Near(word, known); near != "" {
		there = fmt.Sprintf("Did you mean %s? %s", near, there)
	}
	return deviceError(fmt.Errorf("no device is called %q", word), there)
}

func knownNames(connected []harness.Device, catalog harness.Catalog) []string {
	known := []string{runnerLocal}
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

func listed(devices []harness.Device) string {
	var out []string
	for _, d := range devices {
		out = append(out, fmt.Sprintf("%s (%s)", d.Name, d.UDID))
	}
	return strings.Join(out, ", ")
}
