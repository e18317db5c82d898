package crosscheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
)

// unstatedZone is how far a window may be off whose payload names no time zone.
const unstatedZone = 14 * time.Hour

// Delivery is a payload with the unit that delivered it, where that is known: a payload that a session brought along.
type Delivery struct {
	harness.Taken
	UDID string
}

// window is the payloads of one unit's kind about one stretch of time.
type window struct {
	key        key
	begin, end time.Time
	deliveries []Delivery
	figures    []figure
}

// key is what payloads must have in common to speak of the same.
type key struct {
	device, osBuild, bundle, appBuild, udid, begin, end string
	zoned                                               bool
}

// Compare holds payloads beside the sessions of recorded runs. Payloads of an instant and of windows without a session
// give nothing; so do those that could not be read.
func Compare(runs []harness.Recorded, payloads []Delivery) []harness.CrossCheck {
	var all []session
	for _, run := range runs {
		all = append(all, sessionsOf(run)...)
	}
	return compare(all, payloads)
}

func compare(all []session, payloads []Delivery) []harness.CrossCheck {
	var out []harness.CrossCheck
	for _, w := range windows(payloads) {
		for _, unit := range w.units(all) {
			out = append(out, w.beside(unit))
		}
	}
	return out
}

// windows groups payloads by what they speak of, in the order of their times.
func windows(payloads []Delivery) []window {
	byKey := map[key]int{}
	var out []window
	for _, p := range payloads {
		begin, errBegin := time.Parse(time.RFC3339, p.Begin)
		end, errEnd := time.Parse(time.RFC3339, p.End)
		if p.Problem != "" || errBegin != nil || errEnd != nil || !end.After(begin) || strings.HasPrefix(p.Format, "diagnostic") {
			continue
		}
		figures, err := decodeFigures(p.Figures)
		if err != nil {
			continue
		}
		k := key{p.DeviceType, p.OSBuild, p.BundleID, p.AppBuild, p.UDID, p.Begin, p.End, p.ZoneStated}
		i, known := byKey[k]
		if !known {
			i = len(out)
			byKey[k] = i
			out = append(out, window{key: k, begin: begin, end: end})
		}
		out[i].deliveries = append(out[i].deliveries, p)
		out[i].figures = append(out[i].figures, figures...)
	}
	slices.SortStableFunc(out, func(a, b window) int { return cmp.Or(a.begin.Compare(b.begin), a.end.Compare(b.end)) })
	return out
}

// unit is one unit's sessions within a window.
type unit struct {
	device   harness.Device
	runs     []string
	sessions int
	own      own // of all its sessions
	others   int // units of the same kind with sessions in the window
}

// units finds the sessions that a window's payloads may speak of, unit by unit.
func (w window) units(all []session) []unit {
	byUDID := map[string]int{}
	var out []unit
	for _, s := range all {
		if !w.holds(s) {
			continue
		}
		i, known := byUDID[s.device.UDID]
		if !known {
			i = len(out)
			byUDID[s.device.UDID] = i
			out = append(out, unit{device: s.device})
		}
		out[i].sessions++
		out[i].own.add(s.own)
		if !slices.Contains(out[i].runs, s.run) {
			out[i].runs = append(out[i].runs, s.run)
		}
	}
	for i := range out {
		out[i].others = len(out) - 1
	}
	return out
}

// holds reports whether a session is of the window's device and build, and lies in it.
func (w window) holds(s session) bool {
	differs := func(said, ours string) bool { return said != "" && ours != "" && said != ours }
	switch {
	case w.key.udid != "" && w.key.udid != s.device.UDID,
		w.key.device != s.device.ProductType,
		differs(w.key.osBuild, s.device.OSBuild), differs(w.key.bundle, s.build.BundleID), differs(w.key.appBuild, s.build.Number):
		return false
	}
	slack := time.Duration(0)
	if !w.key.zoned {
		slack = unstatedZone
	}
	return !s.begin.Before(w.begin.Add(-slack)) && !s.end.After(w.end.Add(slack))
}

// beside holds the window's payloads beside one unit's sessions.
func (w window) beside(u unit) harness.CrossCheck {
	out := harness.CrossCheck{
		UDID: u.device.UDID, Device: u.device.ProductType, Kind: u.device.Kind,
		OSBuild: w.key.osBuild, BundleID: w.key.bundle, AppBuild: w.key.appBuild,
		Begin: w.begin, End: w.end, ZoneStated: w.key.zoned, Runs: u.runs, Sessions: u.sessions,
	}
	for _, d := range w.deliveries {
		out.Payloads = append(out.Payloads, d.Source)
	}
	if !w.key.zoned {
		out.Notes = append(out.Notes, "the payload names no time zone: sessions up to 14 hours outside of its window are counted")
	}
	if w.key.udid == "" {
		note := "the payload names a device type, not a single device"
		if u.others > 0 {
			note += fmt.Sprintf("; %d other devices of the type have sessions in its window", u.others)
		}
		out.Notes = append(out.Notes, note)
	}
	out.Rows = append(out.Rows, w.memory(u.own)...)
	out.Rows = append(out.Rows, w.signposts(u.own)...)
	out.Rows = append(out.Rows, w.foreground(u.own)...)
	out.Rows = append(out.Rows, w.exits(u.own)...)
	if len(out.Rows) == 0 {
		out.Notes = append(out.Notes, "it has no figure in common with the recorded runs")
	}
	return out
}
