package virtualiphone

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lilims/bench/virtualiphone/battery"
)

// Profile is the kind of iPhone that a phone pretends to be. Sizes are in bytes.
type Profile struct {
	Name        string // "iPhone15": what people type
	Marketing   string // "iPhone 15"
	ProductType string // "iPhone15,4"
	Hardware    string // board, "D37AP"
	Chip        string // "A16 Bionic"
	ChipID      uint64 // 0x8120: the first half of its UDIDs
	BoardID     uint64
	OSVersion   string // "18.6"
	OSBuild     string // "22G86"
	MemoryBytes int64
	DiskBytes   int64
	BatteryWh   float64
	JetsamBytes int64 // footprint beyond which an app is ended; configs/devices assumes the same
	Power       battery.Power
}

const gigabyte = 1 << 30

// Profiles lists the built-in profiles by name. Product types, boards and chips are Apple's; memory and battery are
// from teardowns. About half of the memory is what iOS leaves to the app in front. Power is this project's own model.
func Profiles() []Profile {
	base := battery.Defaults()
	power := func(idle, perCPU float64) battery.Power {
		p := base
		p.IdleWatt, p.JoulePerCPU = idle, perCPU
		return p
	}
	list := []Profile{
		{"iPhone12", "iPhone 12", "iPhone13,2", "D53gAP", "A14 Bionic", 0x8101, 0x0C,
			"17.5.1", "21F90", 4 * gigabyte, 64e9, 10.78, 2100 << 20, power(0.50, 2.6)},
		{"iPhone13", "iPhone 13", "iPhone14,5", "D17AP", "A15 Bionic", 0x8110, 0x0A,
			"18.5", "22F76", 4 * gigabyte, 128e9, 12.41, 2100 << 20, power(0.48, 2.4)},
		{"iPhone14", "iPhone 14", "iPhone14,7", "D27AP", "A15 Bionic", 0x8110, 0x18,
			"16.7.2", "20H115", 6 * gigabyte, 128e9, 12.68, 3100 << 20, power(0.47, 2.4)},
		{"iPhone15", "iPhone 15", "iPhone15,4", "D37AP", "A16 Bionic", 0x8120, 0x08,
			"18.6", "22G86", 6 * gigabyte, 128e9, 12.98, 3100 << 20, power(0.45, 2.2)},
		{"iPhone15Pro", "iPhone 15 Pro", "iPhone16,1", "D83AP", "A17 Pro", 0x8130, 0x04,
			"18.6", "22G86", 8 * gigabyte, 128e9, 12.70, 4200 << 20, power(0.45, 2.1)},
		{"iPhone16Pro", "iPhone 16 Pro", "iPhone17,1", "D93AP", "A18 Pro", 0x8140, 0x0C,
			"26.0", "23A341", 8 * gigabyte, 128e9, 13.94, 4200 << 20, power(0.43, 1.9)},
		{"iPhone17Pro", "iPhone 17 Pro", "iPhone18,1", "V53AP", "A19 Pro", 0x8150, 0x04,
			"26.1", "23B85", 12 * gigabyte, 256e9, 14.00, 6300 << 20, power(0.42, 1.8)},
	}
	return list
}

// builds are the iOS builds that a profile can be given by version alone.
func builds() map[string]string {
	return map[string]string{
		"16.7.2": "20H115", "17.4.1": "21E236", "17.5.1": "21F90", "18.0": "22A3354", "18.5": "22F76", "18.6": "22G86",
		"26.0": "23A341", "26.1": "23B85",
	}
}

// ProfileNamed returns the built-in profile of that name or product type, whatever its case.
func ProfileNamed(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if strings.EqualFold(name, p.Name) || strings.EqualFold(name, p.ProductType) || strings.EqualFold(name, p.Marketing) {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, &Error{
		Kind: KindUsage, Op: "choose virtual iPhone", Err: fmt.Errorf("no profile %q", name),
		Hint: "choose one of " + strings.Join(names, ", "),
	}
}

// WithOS returns the profile with another iOS: "18.6", or "18.6/22G86" for a version whose build is not known here.
func (p Profile) WithOS(text string) (Profile, error) {
	version, build, given := strings.Cut(text, "/")
	if !given {
		build = builds()[version]
	}
	if build == "" || version == "" {
		return p, &Error{
			Kind: KindUsage, Op: "choose iOS of virtual iPhone", Err: fmt.Errorf("the build of iOS %q is not known", text),
			Hint: "give it as VERSION/BUILD, or choose one of " + strings.Join(slices.Sorted(maps.Keys(builds())), ", "),
		}
	}
	p.OSVersion, p.OSBuild = version, build
	return p, nil
}

// major is the first number of the OS version.
func (p Profile) major() int {
	var n int
	_, _ = fmt.Sscanf(p.OSVersion, "%d", &n)
	return n
}

// atLeast compares the OS version with major.minor.
func (p Profile) atLeast(major, minor int) bool {
	var a, b int
	_, _ = fmt.Sscanf(p.OSVersion, "%d.%d", &a, &b)
	return a > major || a == major && b >= minor
}
