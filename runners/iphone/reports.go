package iphone

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/guard"
)

const (
	crashMover   = "com.apple.crashreportmover"
	crashReports = "com.apple.crashreportcopymobile"
	reportWait   = 5 * time.Second // for which a phone's report is waited for; it writes them after the process has gone
	reportPause  = 500 * time.Millisecond
	maxReport    = 8 << 20
	reportsRead  = 20 // newest reports that are looked into
)

// report is a crash report of the process that is followed.
type report struct {
	text   string // empty: none was found
	jetsam bool
	reason string // of a jetsam: "per-process-limit"
}

// crashReport looks for the phone's report of the process. A missing report is no error: there is one for a crash, and
// none for an app that ends itself.
func (h *Handle) crashReport(ctx context.Context, f *follow) (report, error) {
	pid := f.pid
	if pid == 0 {
		pid = f.helloPID
	}
	selfEnded := f.exit != nil && f.exit.Code != nil && f.exit.Signal == nil
	if pid == 0 || f.killed || selfEnded {
		return report{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	expired := h.options.Clock.After(reportWait)
	for {
		found, err := h.findReport(ctx, f.bundle, pid)
		if err != nil {
			return report{}, err
		}
		if found.text != "" {
			return found, nil
		}
		select {
		case <-expired:
			return report{}, nil
		case <-ctx.Done():
			return report{}, nil
		case <-h.options.Clock.After(reportPause):
		}
	}
}

// findReport has the phone move its reports to where hosts may read them, and looks into the newest.
func (h *Handle) findReport(ctx context.Context, bundleID string, pid int) (report, error) {
	err := h.service(ctx, crashMover, func(conn net.Conn) error {
		return guard.Do(ctx, conn, func() error {
			ping := make([]byte, 5) // "ping\0": all are moved
			_, err := io.ReadFull(conn, ping)
			return err
		})
	})
	if err != nil {
		return report{}, fmt.Errorf("move crash reports: %w", err)
	}
	var found report
	err = h.service(ctx, crashReports, func(conn net.Conn) error {
		c := afc.New(conn)
		names, listErr := newestReports(ctx, c)
		if listErr != nil {
			return listErr
		}
		for _, name := range names {
			text, readErr := c.ReadFile(ctx, name, maxReport)
			if readErr != nil {
				return readErr
			}
			if found = readReport(text, bundleID, pid); found.text != "" {
				return nil
			}
		}
		return nil
	})
	return found, err
}

// newestReports names the reports worth reading, newest first.
func newestReports(ctx context.Context, c *afc.Client) ([]string, error) {
	names, err := c.List(ctx, "/")
	if err != nil {
		return nil, err
	}
	type dated struct {
		name string
		at   time.Time
	}
	var all []dated
	for _, name := range names {
		if path.Ext(name) != ".ips" {
			continue
		}
		info, err := c.Stat(ctx, "/"+name)
		if err != nil {
			if afc.IsNotFound(err) {
				continue
			}
			return nil, err
		}
		if info.Size <= maxReport {
			all = append(all, dated{"/" + name, info.Modified})
		}
	}
	slices.SortFunc(all, func(a, b dated) int { return b.at.Compare(a.at) })
	var out []string
	for _, d := range all[:min(len(all), reportsRead)] {
		out = append(out, d.name)
	}
	return out, nil
}

// readReport reads a report: a line of JSON that says what it is, then its body in JSON. It is the wanted one if it
// speaks of the process: as the one that crashed, or as one that the system ended for memory.
func readReport(text []byte, bundleID string, pid int) report {
	head, body, _ := bytes.Cut(text, []byte("\n"))
	var header struct {
		BugType  string `json:"bug_type"`
		BundleID string `json:"bundleID"`
	}
	var content struct {
		PID       int `json:"pid"`
		Processes []struct {
			PID    int    `json:"pid"`
			Name   string `json:"name"`
			Reason string `json:"reason"`
		} `json:"processes"`
	}
	if json.Unmarshal(head, &header) != nil || json.Unmarshal(body, &content) != nil {
		return report{}
	}
	if header.BundleID == bundleID && content.PID == pid {
		return report{text: string(text)}
	}
	const jetsamBug = "298"
	if header.BugType != jetsamBug {
		return report{}
	}
	for _, p := range content.Processes {
		if p.PID == pid && p.Reason != "" { // the others in the list only ran at the time
			return report{text: strings.TrimSpace(string(text)), jetsam: true, reason: p.Reason}
		}
	}
	return report{}
}
