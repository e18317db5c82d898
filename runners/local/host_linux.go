package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/lilims/bench/harness"
)

// describeHost is this host as a device.
func describeHost() harness.Device {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	d := harness.Device{
		Name: name, Kind: harness.KindLocal, ProductType: "linux-" + runtime.GOARCH, Marketing: "Linux host",
		Chip: field("/proc/cpuinfo", "model name"), MemoryBytes: kilobytes("/proc/meminfo", "MemTotal"),
	}
	var u syscall.Utsname
	if syscall.Uname(&u) == nil {
		d.OSVersion = chars(u.Release[:])
		d.OSBuild = chars(u.Version[:])
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		machine = []byte(name)
	}
	sum := sha256.Sum256(machine)
	d.UDID = "host-" + hex.EncodeToString(sum[:8])
	return d
}

func chars[T int8 | uint8](c []T) string {
	var b strings.Builder
	for _, x := range c {
		if x == 0 {
			break
		}
		b.WriteByte(byte(x))
	}
	return b.String()
}

// field reads the first "key : value" line of a file in /proc; empty when there is none.
func field(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kilobytes(file, key string) int64 {
	n, _, _ := strings.Cut(field(file, key), " ")
	v, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return 0
	}
	return v << 10
}

func freeMemory() *int64 {
	if v := kilobytes("/proc/meminfo", "MemAvailable"); v > 0 {
		return &v
	}
	return nil
}

// footprint is a process's memory as the host sees it: anonymous pages and what of them is swapped out, the nearest
// likeness of phys_footprint. Mapped weights do not count, as on a phone. Nil when the process is gone.
func footprint(pid int) *int64 {
	file := "/proc/" + strconv.Itoa(pid) + "/status"
	v := kilobytes(file, "RssAnon") + kilobytes(file, "VmSwap")
	if v == 0 {
		return nil
	}
	return &v
}

// born is when a process started, in the kernel's ticks since boot: with its number it names a process for good. Empty
// when there is none, or only what is left of one that nobody has waited for.
func born(pid int) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	// The name, in brackets, may hold anything; fields are counted behind it: state is the first, start the twentieth.
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return ""
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}
