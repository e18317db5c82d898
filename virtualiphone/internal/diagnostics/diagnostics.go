// Package diagnostics is the virtual iPhone's diagnostics relay: the battery's registry entry, a few properties, and
// restarts. In come requests, out go dictionaries that the phone supplies. It measures nothing itself.
package diagnostics

import (
	"context"
	"net"
	"slices"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Service is the relay's name; the older one leads to the same service.
const (
	Service    = "com.apple.mobile.diagnostics_relay"
	ServiceOld = "com.apple.iosdiagnostics.relay"
)

// Phone is what the relay needs of the phone.
type Phone interface {
	Battery() map[string]any        // IORegistry entry AppleSmartBattery
	Gestalt(key string) (any, bool) // MobileGestalt answers
	GestaltDeprecated() bool        // iOS 17.4 and later refuse the question
	Restart()
	Shutdown()
}

// Relay is the service.
type Relay struct {
	Phone  Phone
	Faults *faults.Script
}

// names under which the battery is found: by entry name, and by class.
var batteryNames = []string{"AppleSmartBattery", "AppleSmartBatteryManager"}
var batteryClasses = []string{"IOPMPowerSource", "AppleSmartBattery"}

// Serve answers requests until the host says goodbye.
func (r *Relay) Serve(_ context.Context, conn net.Conn) error {
	frames := plistio.New(conn)
	return frames.Serve(func(request plistio.Dict) error {
		if f, hit := r.Faults.Take(Service, faults.Reply); hit {
			return frames.Send(map[string]any{"Status": f.Error})
		}
		answer, after := r.answer(request)
		if err := frames.Send(answer); err != nil {
			return err
		}
		if request.String("Request") == "Goodbye" {
			return plistio.ErrDone
		}
		if after != nil {
			after() // once the host has its answer: a restart ends this connection
		}
		return nil
	})
}

func success(diagnostics map[string]any) map[string]any {
	answer := map[string]any{"Status": "Success"}
	if diagnostics != nil {
		answer["Diagnostics"] = diagnostics
	}
	return answer
}

func (r *Relay) answer(request plistio.Dict) (answer map[string]any, after func()) {
	switch request.String("Request") {
	case "IORegistry":
		return r.registry(request), nil
	case "All", "GasGauge":
		return success(map[string]any{"GasGauge": r.gasGauge()}), nil
	case "WiFi", "NAND", "HDMI":
		return map[string]any{"Status": "UnknownRequest"}, nil
	case "MobileGestalt":
		return r.gestalt(request), nil
	case "Restart":
		return success(nil), r.Phone.Restart
	case "Shutdown":
		return success(nil), r.Phone.Shutdown
	case "Sleep", "Goodbye":
		return success(nil), nil
	default:
		return map[string]any{"Status": "UnknownRequest"}, nil
	}
}

// registry answers with the battery, the one entry that a virtual phone has; a plane is a tree that holds it.
func (r *Relay) registry(request plistio.Dict) map[string]any {
	switch {
	case slices.Contains(batteryNames, request.String("EntryName")), slices.Contains(batteryClasses, request.String("EntryClass")):
		return success(map[string]any{"IORegistry": r.Phone.Battery()})
	case request.Has("CurrentPlane"):
		battery := r.Phone.Battery()
		battery["name"], battery["class"] = "AppleSmartBattery", "AppleSmartBattery"
		return success(map[string]any{"IORegistry": map[string]any{"name": "Root", "class": "IORegistryEntry", "children": []any{battery}}})
	case request.Has("EntryName"), request.Has("EntryClass"):
		return success(map[string]any{}) // a phone leaves out what it does not have
	default:
		return map[string]any{"Status": "Failure"}
	}
}

func (r *Relay) gasGauge() map[string]any {
	battery := r.Phone.Battery()
	return map[string]any{
		"CycleCount":         battery["CycleCount"],
		"DesignCapacity":     battery["DesignCapacity"],
		"FullChargeCapacity": battery["AppleRawMaxCapacity"],
		"Status":             "Success",
	}
}

func (r *Relay) gestalt(request plistio.Dict) map[string]any {
	answers := map[string]any{}
	if r.Phone.GestaltDeprecated() {
		return success(map[string]any{"MobileGestalt": map[string]any{"Status": "MobileGestaltDeprecated"}})
	}
	for _, key := range request.Strings("MobileGestaltKeys") {
		if value, ok := r.Phone.Gestalt(key); ok {
			answers[key] = value
		}
	}
	answers["Status"] = "Success"
	return success(map[string]any{"MobileGestalt": answers})
}
