package virtualiphone

import (
	"fmt"
	"runtime"

	"github.com/lilims/bench/virtualiphone/internal/lockdown"
)

// wifiAddress is made from the phone's number, with the bit that marks an address as not a maker's.
func (p *Phone) wifiAddress() string {
	e := p.ecid
	return fmt.Sprintf("02:%02x:%02x:%02x:%02x:%02x", byte(e>>32), byte(e>>24), byte(e>>16), byte(e>>8), byte(e))
}

// Values are the phone's properties in a lockdown domain, and whether there is such a domain.
func (p served) Values(domain string) (map[string]any, bool) {
	var values map[string]any
	switch domain {
	case "":
		values = p.mainValues()
	case "com.apple.mobile.battery":
		values = p.gauge.Lockdown()
	case "com.apple.disk_usage", "com.apple.disk_usage.factory":
		values = p.diskValues()
	case "com.apple.security.mac.amfi":
		values = map[string]any{"DeveloperModeStatus": p.developerMode()}
	case "com.apple.international":
		values = map[string]any{"Language": "en", "Locale": "en_US", "Keyboard": "en_US"}
	case "com.apple.mobile.wireless_lockdown":
		values = map[string]any{"EnableWifiConnections": false, "BonjourFullServiceName": p.wifiAddress() + "@fe80::1._apple-mobdev2._tcp.local."}
	case "com.apple.xcode.developerdomain":
		values = map[string]any{"DeveloperStatus": "Development"}
	case lockdown.VirtualDomain:
		values = map[string]any{
			"Kind": "virtual", "ThermalState": string(p.Thermal()), "Profile": p.profile.Name,
			"Host": runtime.GOOS + "/" + runtime.GOARCH, "ImageMounted": p.ImageMounted(),
		}
	default:
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, value := range p.changed[domain] {
		values[key] = value
	}
	return values, true
}

// SetValue changes a property that hosts may change; nil removes it. Only a few are theirs to set.
func (p served) SetValue(domain, key string, value any) bool {
	allowed := map[string]map[string]bool{
		"":                                   {"DeviceName": true, "TimeZone": true},
		"com.apple.international":            {"Language": true, "Locale": true, "Keyboard": true},
		"com.apple.mobile.wireless_lockdown": {"EnableWifiConnections": true, "EnableWifiDebugging": true},
	}
	if !allowed[domain][key] {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed[domain] == nil {
		p.changed[domain] = map[string]any{}
	}
	if value == nil {
		delete(p.changed[domain], key)
		return true
	}
	p.changed[domain][key] = value
	return true
}

func (p *Phone) mainValues() map[string]any {
	profile := p.profile
	wifi := p.wifiAddress()
	return map[string]any{
		"ActivationState":                   "Activated",
		"BluetoothAddress":                  "02" + wifi[2:len(wifi)-2] + "ff",
		"BoardId":                           profile.BoardID,
		"BuildVersion":                      profile.OSBuild,
		"CPUArchitecture":                   "arm64e",
		"ChipID":                            profile.ChipID,
		"DeviceClass":                       "iPhone",
		"DeviceColor":                       "1",
		"DeviceName":                        p.options.Name,
		"DieID":                             p.ecid,
		"HardwareModel":                     profile.Hardware,
		"HardwarePlatform":                  fmt.Sprintf("t%x", profile.ChipID),
		"HasSiDP":                           true,
		"HostAttached":                      true,
		"HumanReadableProductVersionString": profile.OSVersion,
		"ModelNumber":                       "VIRT",
		"PasswordProtected":                 p.Locked(),
		"ProductName":                       "iPhone OS",
		"ProductType":                       profile.ProductType,
		"ProductVersion":                    profile.OSVersion,
		"ProductionSOC":                     true,
		"RegionInfo":                        "LL/A",
		"SerialNumber":                      fmt.Sprintf("VIRT%08X", uint32(p.ecid)),
		"TelephonyCapability":               false,
		"TimeIntervalSince1970":             float64(p.clock.Now().UnixMilli()) / 1000,
		"TimeZone":                          "UTC",
		"TimeZoneOffsetFromUTC":             0.0,
		"TrustedHostAttached":               true,
		"UniqueChipID":                      p.ecid,
		"UniqueDeviceID":                    p.options.UDID,
		"UseRaptorCerts":                    true,
		"Uses24HourClock":                   true,
		"WiFiAddress":                       wifi,
	}
}

func (p *Phone) diskValues() map[string]any {
	total, free := uint64(p.storage.Total()), uint64(p.storage.Free())
	return map[string]any{
		"TotalDiskCapacity":      total,
		"TotalDataCapacity":      total,
		"TotalDataAvailable":     free,
		"AmountDataAvailable":    free,
		"AmountDataReserved":     uint64(0),
		"TotalSystemCapacity":    uint64(0),
		"TotalSystemAvailable":   uint64(0),
		"AmountRestoreAvailable": free,
	}
}
