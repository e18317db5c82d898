package metrickit

import "strings"

// readEnvironment reads metaData (metric payloads) or environment (iOS 27).
func (p *parser) readEnvironment(top *node) Environment {
	var e Environment
	if meta := top.get("metaData", "environment"); meta.isObject() {
		e = p.environmentOf(meta)
	}
	if e.App == "" {
		e.App = top.get("appVersion").str(p.raw)
	}
	if e.Region == "" {
		e.Region = p.regionOfDiagnostics(top)
	}
	return e
}

// regionOfDiagnostics is the region that the first diagnostic names: a diagnostic payload has no meta data of its own.
func (p *parser) regionOfDiagnostics(top *node) string {
	for _, f := range top.fields {
		if !strings.HasSuffix(f.name, "Diagnostics") || !f.value.isList() {
			continue
		}
		for _, d := range f.value.fields {
			if region := d.value.get("diagnosticMetaData").get("regionFormat").str(p.raw); region != "" {
				return region
			}
		}
	}
	return ""
}

// environmentOf reads one block of meta data; the spellings of all versions stand side by side.
func (p *parser) environmentOf(meta *node) Environment {
	e := Environment{
		App:        meta.get("appVersion", "applicationVersion").str(p.raw),
		AppBuild:   meta.get("appBuildVersion", "applicationBuildVersion").str(p.raw),
		BundleID:   meta.get("bundleIdentifier").str(p.raw),
		Device:     meta.get("deviceType").str(p.raw),
		Processor:  meta.get("platformArchitecture").str(p.raw),
		Region:     meta.get("regionFormat").str(p.raw),
		LowPower:   flag(meta.get("lowPowerModeEnabled")),
		TestFlight: flag(meta.get("isTestFlightApp")),
	}
	if pid := meta.get("pid"); pid.isNumber() && pid.number >= 0 {
		n := int64(pid.number) // -1 says that MetricKit does not know
		e.PID = &n
	}
	if os := meta.get("osVersion"); os.isObject() { // iOS 27: {platform, number, buildNumber}
		e.OS, e.OSBuild = os.get("number").str(p.raw), os.get("buildNumber").str(p.raw)
	} else {
		e.OS, e.OSBuild = osVersion(os.str(p.raw))
	}
	return e
}

// unreadEnvironment keeps what a payload's meta data say beyond what Environment has room for, and times that are no times.
func (p *parser) unreadEnvironment(top *node) {
	for _, f := range top.fields {
		switch f.name {
		case "metaData", "environment":
			if !f.value.isObject() {
				p.unknown(f.name, f.value, Record{})
				continue
			}
			for _, inner := range f.value.fields {
				if !isEnvironmentField(inner) {
					p.unknown(f.name+"."+inner.name, inner.value, Record{})
				}
			}
		case "timeStampBegin", "timeStampEnd":
			if text, _ := timeStamp(f.value); text == "" {
				p.unknown(f.name, f.value, Record{})
			}
		case "timeRange":
			if p.Begin == "" || p.End == "" {
				p.unknown(f.name, f.value, Record{})
			}
		}
	}
}

// isEnvironmentField reports whether Environment has all that a field of the meta data says.
func isEnvironmentField(f field) bool {
	switch f.name {
	case "appVersion", "applicationVersion", "appBuildVersion", "applicationBuildVersion", "bundleIdentifier", "deviceType", "regionFormat",
		"platformArchitecture", "osVersion":
		return f.value.isString() || f.name == "osVersion" && f.value.isObject()
	case "lowPowerModeEnabled", "isTestFlightApp":
		return flag(f.value) != nil
	case "pid":
		return f.value.isNumber()
	}
	return f.value.isList() && len(f.value.fields) == 0
}

// osVersion splits "iPhone OS 14.0.1 (18A393)"; a text of another form is the version as it stands.
func osVersion(s string) (version, build string) {
	rest := strings.TrimSpace(s)
	if open := strings.LastIndexByte(rest, '('); open > 0 && strings.HasSuffix(rest, ")") {
		rest, build = strings.TrimSpace(rest[:open]), rest[open+1:len(rest)-1]
	}
	version = rest[strings.LastIndexByte(rest, ' ')+1:]
	if version == "" || version[0] < '0' || version[0] > '9' {
		return s, ""
	}
	return version, build
}

func flag(n *node) *bool {
	if n != nil && (n.kind == 't' || n.kind == 'f') {
		b := n.isTrue()
		return &b
	}
	return nil
}
