package processes

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Listens reports whether an app of this phone listens on a TCP port of this host. Hosts reach only such ports: a
// tethered machine must not become a way into whatever else listens here.
func (t *Table) Listens(port uint16) bool {
	inodes := listening(port)
	if len(inodes) == 0 {
		return false
	}
	for _, info := range t.List() {
		if info.BundleID != "" && holds(info.PID, inodes) {
			return true
		}
	}
	return false
}

// listening lists the sockets that listen on a port, by inode.
func listening(port uint16) map[string]bool {
	const stateListen = "0A"
	out := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			f := strings.Fields(string(line))
			if len(f) < 10 || f[3] != stateListen {
				continue
			}
			_, hex, _ := strings.Cut(f[1], ":")
			if n, err := strconv.ParseUint(hex, 16, 16); err == nil && uint16(n) == port {
				out["socket:["+f[9]+"]"] = true
			}
		}
	}
	return out
}

// holds reports whether a process has one of these sockets open.
func holds(pid int, inodes map[string]bool) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if target, err := os.Readlink(dir + "/" + e.Name()); err == nil && inodes[target] {
			return true
		}
	}
	return false
}
