package crosscheck

import (
	"cmp"
	"encoding/json"
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

// said is one value of a payload.
type said struct {
	Path     string   `json:"path"`
	Signpost string   `json:"signpost"`
	Category string   `json:"category"`
	Value    *float64 `json:"value"`
	Unit     string   `json:"unit"`
}

// window is the payloads of one unit's kind about one stretch of time.
type window struct {
	key        key
	begin, end time.Time
	deliveries []Delivery
	figures    []said
}

// key is what payloads must have in common to speak of the same.
type key struct {
	device, osBuild, bundle, appBuild, udid, begin, end string
	zoned                                               bool
}

// Compare holds payloads beside the sessions of recorded runs. Payloads of an instant and of windows without a session
// give nothing; so do those that could not be read.
func Compare(runs []harness.Recorded, payloads []Delivery) []harness.CrossCheck {
	var out []harness.CrossCheck
	for _, w := range windows(payloads) {
		for _, unit := range w.units(runs) {
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
		var figures []said
		if json.Unmarshal(p.Figures, &figures) != nil {
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
	sessions []harness.RecordedSession
	others   int // units of the same kind with sessions in the window
}

// units finds the sessions that a window's payloads may speak of, unit by unit.
func (w window) units(runs []harness.Recorded) []unit {
	byUDID := map[string]int{}
	var out []unit
	for _, run := range runs {
		for _, s := range run.Sessions {
			if !w.holds(s) {
				continue
			}
			udid := s.Begin.Case.Device.UDID
			i, known := byUDID[udid]
			if !known {
				i = len(out)
				byUDID[udid] = i
				out = append(out, unit{device: s.Begin.Case.Device})
			}
			out[i].sessions = append(out[i].sessions, s)
			if !slices.Contains(out[i].runs, run.Run.ID) {
				out[i].runs = append(out[i].runs, run.Run.ID)
			}
		}
	}
	for i := range out {
		out[i].others = len(out) - 1
	}
	return out
}

// holds reports whether a session is of the window's device and build, and lies in it.
func (w window) holds(s harness.RecordedSession) bool {
	device, build := s.Begin.Case.Device, s.Begin.Build
	differs := func(said, ours string) bool { return said != "" && ours != "" && said != ours }
	switch {
	case w.key.udid != "" && w.key.udid != device.UDID,
		w.key.device != device.ProductType,
		differs(w.key.osBuild, device.OSBuild), differs(w.key.bundle, build.BundleID), differs(w.key.appBuild, build.Number):
		return false
	}
	slack := time.Duration(0)
	if !w.key.zoned {
		slack = unstatedZone
	}
	end := s.Begin.At
	if s.End != nil {
		end = s.End.At
	}
	return !s.Begin.At.Before(w.begin.Add(-slack)) && !end.After(w.end.Add(slack))
}

// beside holds the window's payloads beside one unit's sessions.
func (w window) beside(u unit) harness.CrossCheck {
	out := harness.CrossCheck{
		UDID: u.device.UDID, Device: u.device.ProductType, Kind: u.device.Kind, OSBuild: w.key.osBuild, BundleID: w.key.bundle, AppBuild: w.key.appBuild,
		Begin: w.begin, End: w.end, ZoneStated: w.key.zoned, Runs: u.runs, Sessions: len(u.sessions),
	}
	for _, d := range w.deliveries {
		out.Payloads = append(out.Payloads, d.Source)
	}
	if !w.key.zoned {
		out.Notes = append(out.Notes, "the payload names no time zone: sessions up to 14 hours outside of its window are counted")
	}
	if w.key.udid == "" {
		note := "the payload names a kind of device, not a unit"
		if u.others > 0 {
			note += fmt.Sprintf("; %d other units of the kind have sessions in its window", u.others)
		}
		out.Notes = append(out.Notes, note)
	}
	own := tally(u.sessions)
	out.Rows = append(out.Rows, w.memory(own)...)
	out.Rows = append(out.Rows, w.signposts(own)...)
	out.Rows = append(out.Rows, w.foreground(own)...)
	out.Rows = append(out.Rows, w.exits(own)...)
	if len(out.Rows) == 0 {
		out.Notes = append(out.Notes, "it has no figure that a run records too")
	}
	return out
}
