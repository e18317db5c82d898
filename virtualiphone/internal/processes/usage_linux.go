package processes

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/lilims/bench/virtualiphone/process"
)

// clockTicks is the unit of CPU times in /proc, fixed at 100 a second in Linux's interface to user space.
const clockTicks = 100

// usageOf reads a process of this host. The footprint is what an iPhone would count: anonymous memory, resident or
// swapped out. Memory-mapped files are clean pages and count as resident only.
func usageOf(pid int) (process.Usage, error) {
	cpu, err := cpuSeconds(pid)
	if err != nil {
		return process.Usage{}, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return process.Usage{}, err
	}
	var u process.Usage
	u.CPUSeconds = cpu
	for line := range bytes.Lines(status) {
		key, value, _ := strings.Cut(string(line), ":")
		switch key {
		case "RssAnon", "VmSwap":
			u.FootprintBytes += kilobytes(value)
		case "VmRSS":
			u.ResidentBytes = kilobytes(value)
		}
	}
	return u, nil
}

// cpuSeconds is user and system time of all threads.
func cpuSeconds(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in brackets and may hold anything; fields count from behind it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, errors.New("short /proc/<pid>/stat")
	}
	u, err1 := strconv.ParseUint(fields[user], 10, 64)
	s, err2 := strconv.ParseUint(fields[system], 10, 64)
	return float64(u+s) / clockTicks, errors.Join(err1, err2)
}

func kilobytes(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
