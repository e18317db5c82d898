package local

import (
	"encoding/binary"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/lilims/bench/harness"
)

// describeHost is this Mac as a device.
func describeHost() harness.Device {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	d := harness.Device{
		UDID: "host-" + strings.ToLower(name), Name: name, Kind: harness.KindLocal, ProductType: "mac-" + runtime.GOARCH, Marketing: "Mac",
		Chip: sysctl("machdep.cpu.brand_string"), OSVersion: sysctl("kern.osproductversion"), OSBuild: sysctl("kern.osversion"),
	}
	if model := sysctl("hw.model"); model != "" {
		d.ProductType = model
	}
	if uuid := sysctl("kern.uuid"); uuid != "" {
		d.UDID = "host-" + strings.ToLower(uuid)
	}
	// Sysctl cuts trailing zero bytes off, which a number may have.
	if text, err := syscall.Sysctl("hw.memsize"); err == nil {
		raw := make([]byte, 8)
		copy(raw, text)
		d.MemoryBytes = int64(binary.LittleEndian.Uint64(raw))
	}
	return d
}

func sysctl(name string) string {
	text, err := syscall.Sysctl(name)
	if err != nil {
		return ""
	}
	return text
}

// freeMemory is not told by any call that needs no C.
func freeMemory() *int64 { return nil }

// footprint of another process is not told by any call that needs no C; the app's own samples stand alone.
func footprint(int) *int64 { return nil }

// born is when a process started: with its number it names a process for good. Empty when there is none.
func born(pid int) string {
	text, err := exec.Command("/bin/ps", "-o", "lstart=,stat=", "-p", strconv.Itoa(pid)).Output()
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 || strings.HasPrefix(fields[len(fields)-1], "Z") {
		return ""
	}
	return strings.Join(fields[:len(fields)-1], " ")
}
