// Package crash is the virtual iPhone's crash reports: .ips files in the form that a phone writes, and the service that
// hands them to hosts. In come ends of processes, out go files. It ends no process itself.
package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/uuid"
)

// maxReports bounds the reports that a phone keeps; beyond it the oldest is forgotten.
const maxReports = 200

// System is what reports say of the phone.
type System struct {
	ProductType string
	OSVersion   string
	OSBuild     string
	MemoryBytes int64
}

// Ended is a process that ended badly.
type Ended struct {
	Name, BundleID, Version, Build, Path string
	PID                                  int
	Started, At                          time.Time
	Signal                               syscall.Signal
	CPUSeconds                           float64
	FootprintBytes, LimitBytes           int64 // of a process that was ended for its memory
}

// Reporter writes reports into a folder.
type Reporter struct {
	dir    string
	system System
}

// New returns a reporter that writes into dir, which exists.
func New(dir string, system System) *Reporter { return &Reporter{dir: dir, system: system} }

// exceptions are the Mach exceptions that reports name for a signal.
func exception(signal syscall.Signal) (kind, indicator string) {
	switch signal {
	case syscall.SIGSEGV:
		return "EXC_BAD_ACCESS", "Segmentation fault"
	case syscall.SIGBUS:
		return "EXC_BAD_ACCESS", "Bus error"
	case syscall.SIGILL:
		return "EXC_BAD_INSTRUCTION", "Illegal instruction"
	case syscall.SIGFPE:
		return "EXC_ARITHMETIC", "Floating point exception"
	case syscall.SIGTRAP:
		return "EXC_BREAKPOINT", "Trace/BPT trap"
	default:
		return "EXC_CRASH", "Abort trap"
	}
}

// IsCrash reports whether a signal counts as a crash of the process itself.
func IsCrash(signal syscall.Signal) bool {
	switch signal {
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGABRT, syscall.SIGSYS:
		return true
	}
	return false
}

// Crash writes the report of a process that a signal of its own making ended. It returns the file's name.
func (r *Reporter) Crash(e Ended) (string, error) {
	kind, indicator := exception(e.Signal)
	incident := uuid.New()
	header := map[string]any{
		"app_name": e.Name, "name": e.Name, "bundleID": e.BundleID, "app_version": e.Version, "build_version": e.Build,
		"bug_type": "309", "incident_id": incident, "os_version": r.osVersion(), "platform": 2,
		"timestamp": stamp(e.At), "roots_installed": 0, "share_with_app_devs": 0, "is_first_party": 0,
	}
	body := map[string]any{
		"incident": incident, "bug_type": "309", "procName": e.Name, "procPath": e.Path, "pid": e.PID,
		"modelCode": r.system.ProductType, "cpuType": "ARM-64", "procRole": "Foreground",
		"captureTime": fine(e.At), "procLaunch": fine(e.Started),
		"osVersion": map[string]any{
			"isEmbedded": true, "train": "iPhone OS " + r.system.OSVersion, "releaseType": "User", "build": r.system.OSBuild,
		},
		"bundleInfo": map[string]any{"CFBundleIdentifier": e.BundleID, "CFBundleShortVersionString": e.Version, "CFBundleVersion": e.Build},
		"exception":  map[string]any{"type": kind, "signal": signalName(e.Signal), "codes": "0x0000000000000000, 0x0000000000000000"},
		"termination": map[string]any{
			"flags": 0, "namespace": "SIGNAL", "code": int(e.Signal), "indicator": fmt.Sprintf("%s: %d", indicator, int(e.Signal)), "byProc": e.Name,
			"byPid": e.PID,
		},
		// A virtual phone has no symbolicated stack of its host's process: absent rather than invented.
		"threads": []any{}, "usedImages": []any{},
	}
	return r.write(e.Name+"-"+e.At.Format("2006-01-02-150405"), header, body)
}

// pageSize is an iPhone's, in which jetsam reports count memory.
const pageSize = 16384

// Jetsam writes the report of a process that was ended because its footprint exceeded its limit.
func (r *Reporter) Jetsam(e Ended) (string, error) {
	incident := uuid.New()
	header := map[string]any{
		"bug_type": "298", "timestamp": stamp(e.At), "os_version": r.osVersion(), "roots_installed": 0, "incident_id": incident,
	}
	pages := e.FootprintBytes / pageSize
	body := map[string]any{
		"incident": incident, "date": fine(e.At), "build": r.osVersion(), "product": r.system.ProductType,
		"memoryStatus":   map[string]any{"pageSize": pageSize, "memoryPages": map[string]any{"total": r.system.MemoryBytes / pageSize}},
		"largestProcess": e.Name,
		"processes": []any{map[string]any{
			"name": e.Name, "pid": e.PID, "bundleID": e.BundleID, "rpages": pages, "lifetimeMax": pages,
			"reason": "per-process-limit", "killDelta": 0, "states": []any{"frontmost"}, "cpuTime": e.CPUSeconds,
			"memoryLimit": e.LimitBytes / pageSize,
		}},
	}
	return r.write("JetsamEvent-"+e.At.Format("2006-01-02-150405"), header, body)
}

func (r *Reporter) osVersion() string {
	return "iPhone OS " + r.system.OSVersion + " (" + r.system.OSBuild + ")"
}

// write makes the file under a free name: a header line of JSON, then a body of JSON.
func (r *Reporter) write(name string, header, body map[string]any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(header); err != nil {
		return "", fmt.Errorf("crash report: %w", err)
	}
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(body); err != nil {
		return "", fmt.Errorf("crash report: %w", err)
	}
	r.prune()
	name = strings.Map(func(c rune) rune {
		if c == '/' || c < ' ' {
			return '_'
		}
		return c
	}, name)
	for i := 0; ; i++ {
		file := name + ".ips"
		if i > 0 {
			file = fmt.Sprintf("%s.%03d.ips", name, i)
		}
		f, err := os.OpenFile(filepath.Join(r.dir, file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if os.IsExist(err) && i < maxReports {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("crash report: %w", err)
		}
		if _, err := f.Write(text.Bytes()); err != nil {
			_ = f.Close()
			return "", fmt.Errorf("crash report: %w", err)
		}
		return file, f.Close()
	}
}

// prune forgets the oldest reports beyond the limit.
func (r *Reporter) prune() {
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) < maxReports {
		return
	}
	oldest, when := "", time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && (oldest == "" || info.ModTime().Before(when)) {
			oldest, when = e.Name(), info.ModTime()
		}
	}
	if oldest != "" {
		os.Remove(filepath.Join(r.dir, oldest))
	}
}

// Mover is the service com.apple.crashreportmover: hosts wait for its ping before they read reports.
func Mover(_ context.Context, conn net.Conn) error {
	_, err := conn.Write([]byte("ping\x00"))
	return err
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.00 -0700") }
func fine(t time.Time) string  { return t.Format("2006-01-02 15:04:05.0000 -0700") }

func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{
		syscall.SIGSEGV: "SIGSEGV", syscall.SIGBUS: "SIGBUS", syscall.SIGILL: "SIGILL", syscall.SIGFPE: "SIGFPE",
		syscall.SIGTRAP: "SIGTRAP", syscall.SIGABRT: "SIGABRT", syscall.SIGSYS: "SIGSYS", syscall.SIGKILL: "SIGKILL",
	}
	if name, ok := names[s]; ok {
		return name
	}
	return fmt.Sprintf("SIG%d", int(s))
}
