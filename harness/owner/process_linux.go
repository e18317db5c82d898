package owner

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// startOf is when a process began: the boot that it belongs to and the clock ticks since. "": there is none, or it cannot be
// read. Source: proc_pid_stat(5), field 22, starttime.
func startOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const afterName = 22 - 3
	if len(fields) <= afterName {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[afterName]
}
