package owner

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// startOf is when a process began, in seconds and microseconds since 1970. "": there is none, or it cannot be read.
// Source: sysctl(3), KERN_PROC_PID, kinfo_proc.kp_proc.p_starttime.
func startOf(pid int) string {
	process, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return ""
	}
	began := process.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", began.Sec, began.Usec)
}
