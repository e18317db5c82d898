package metrickit

import (
	"fmt"
	"regexp"
	"strings"
)

// readEnvironment reads metaData (metric payloads), or environment (iOS 27), or the first diagnostic's meta data.
func readEnvironment(top object) Environment {
	var e Environment
	if meta, ok := top["metaData"].(object); ok {
		e = environmentOf(meta)
	} else if env, ok := top["environment"].(object); ok {
		e = environmentOf(env)
	}
	if e.App == "" {
		e.App = text(top["appVersion"])
	}
	return e
}

// environmentOf reads one block of meta data; the spellings of all versions stand side by side.
func environmentOf(meta object) Environment {
	e := Environment{
		App:        first(meta, "appVersion", "applicationVersion"),
		AppBuild:   first(meta, "appBuildVersion", "applicationBuildVersion"),
		BundleID:   first(meta, "bundleIdentifier"),
		Device:     first(meta, "deviceType"),
		Region:     first(meta, "regionFormat"),
		LowPower:   flag(meta["lowPowerModeEnabled"]),
		TestFlight: flag(meta["isTestFlightApp"]),
	}
	if pid, ok := meta["pid"].(float64); ok && pid >= 0 {
		n := int64(pid) // -1 says that MetricKit does not know
		e.PID = &n
	}
	switch os := meta["osVersion"].(type) {
	case string:
		e.OS, e.OSBuild = osVersion(os)
	case object: // iOS 27: {platform, number, buildNumber}
		e.OS, e.OSBuild = text(os["number"]), text(os["buildNumber"])
	}
	return e
}

var osPattern = regexp.MustCompile(`(\d+(?:\.\d+)*)\s*(?:\((\w+)\))?\s*$`)

// osVersion splits "iPhone OS 14.0.1 (18A393)".
func osVersion(s string) (version, build string) {
	m := osPattern.FindStringSubmatch(s)
	if m == nil {
		return s, ""
	}
	return m[1], m[2]
}

func first(o object, names ...string) string {
	for _, n := range names {
		if s := text(o[n]); s != "" {
			return s
		}
	}
	return ""
}

// text returns a string as it is and a number as it would be printed; anything else is empty.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strings.TrimSuffix(fmt.Sprintf("%.0f", v), ".")
	}
	return ""
}

func flag(v any) *bool {
	if b, ok := v.(bool); ok {
		return &b
	}
	return nil
}
