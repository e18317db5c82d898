package iphone

import (
	"context"
	"errors"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/tether"
)

// virtualDomain is where a virtual iPhone says that it is one. A real one has no such domain.
const virtualDomain = "org.lilims.virtual"

// describe asks a phone what it is. With an error the device holds what is known all the same.
func (r *Runner) describe(ctx context.Context, e tether.Entry) (harness.Device, error) {
	device := harness.Device{UDID: e.UDID, Kind: harness.KindIPhone, Connection: e.Connection}
	phone := r.mux.Phone(e.UDID)
	lockdown, err := phone.Lockdown(ctx)
	var untrusted error
	if errors.Is(err, tether.ErrNotPaired) { // a phone that does not trust us yet tells its name and model
		untrusted = err
		lockdown, err = phone.Greet(ctx)
	}
	if err != nil {
		return device, err
	}
	defer lockdown.Close()
	values, err := lockdown.Values(ctx, "")
	if err != nil {
		return device, err
	}
	kind, err := lockdown.Value(ctx, virtualDomain, "Kind")
	if err != nil {
		return device, err
	}
	if kind == string(harness.KindVirtual) {
		device.Kind = harness.KindVirtual
	}
	text := func(key string) string { s, _ := values[key].(string); return s }
	device.Name, device.ProductType = text("DeviceName"), text("ProductType")
	device.OSVersion, device.OSBuild = text("ProductVersion"), text("BuildVersion")
	if r.options.Lookup != nil {
		if known, ok := r.options.Lookup(device.ProductType); ok {
			device.Marketing, device.Chip, device.MemoryBytes = known.Marketing, known.Chip, known.MemoryBytes
		}
	}
	return device, untrusted
}
