package release

import (
	"fmt"

	"github.com/lilims/bench/harness"
)

// Shape is what of a model its memory is calculated from.
type Shape struct {
	WeightBytes              int64
	Layers, KVHeads, HeadDim int64
	Context                  int // that it was converted with, tokens
}

// CacheBytes is the key-value cache of so many tokens: keys and values of every layer, two bytes each. Layers that see a
// window only keep less; they are counted whole.
func (s Shape) CacheBytes(context int) int64 {
	return 2 * s.Layers * int64(context) * s.KVHeads * s.HeadDim * 2
}

// Memory is the check of the smallest phone that counts: weights and cache together, and the highest footprint of any run
// on that kind of phone, under what the system leaves to one app. A nil shape is not known, for the reason in why.
func Memory(device harness.DeviceProfile, context int, shape *Shape, why string, peaks []Evidence) Check {
	c := Check{Name: CheckMemory, Metric: "memory", Unit: "B",
		About: fmt.Sprintf("%s with %.3g GB, a cache of %d tokens", device.Marketing, float64(device.MemoryBytes)/(1<<30), context)}
	if device.LimitBytes == 0 {
		c.Reason = "its memory limit for one app is not known: app_limit_mib is missing in configs/devices/" + device.Name + ".yaml"
		return c.judge()
	}
	limit := float64(device.LimitBytes)
	c.Bound = &limit
	c.Remarks = append(c.Remarks, "the limit is assumed in configs/devices/"+device.Name+
		".yaml; a run on the phone shows it as least memory left")
	if shape == nil || shape.WeightBytes <= 0 || shape.CacheBytes(1) <= 0 {
		if c.Reason = why; c.Reason == "" {
			c.Reason = "the model does not say its layers, heads and size"
		}
		return c.judge()
	}
	what := fmt.Sprintf("weights of %s and a cache of %s", inMemory(shape.WeightBytes), inMemory(shape.CacheBytes(context)))
	c.Evidence = append([]Evidence{{What: what,
		Value: float64(shape.WeightBytes + shape.CacheBytes(context)), Unit: "B", Calculated: true}}, peaks...)
	if len(peaks) == 0 {
		c.Remarks = append(c.Remarks, "no run of this model on this kind of phone: calculated from sizes alone")
	}
	if shape.Context > 0 && shape.Context < context {
		c.Remarks = append(c.Remarks, fmt.Sprintf("the model is converted with a cache of %d tokens; a larger one is calculated", shape.Context))
	}
	return c.judge()
}

// App is the size of a build: as installed, and as it is downloaded.
type App struct {
	InstalledBytes int64
	ArchiveBytes   int64
	HoldsModel     bool // a model lies inside
	Build          string
}

// Size is the check of app and model together, as installed. A model that does not lie in the app is added. A nil app was
// not found, for the reason in why.
func Size(app *App, modelBytes int64, bound float64, why string) Check {
	c := Check{Name: CheckSize, About: "app and model as installed", Metric: "app_bytes", Bound: &bound, Unit: "B"}
	switch {
	case app == nil:
		c.Reason = why
		return c.judge()
	case !app.HoldsModel && modelBytes <= 0:
		c.Reason = "the app contains no model, and the model's size is not known"
		return c.judge()
	}
	total := app.InstalledBytes
	what := fmt.Sprintf("app of %s with the model inside (%s as .ipa)", onDisk(app.InstalledBytes), onDisk(app.ArchiveBytes))
	if !app.HoldsModel {
		total += modelBytes
		what = fmt.Sprintf("app of %s (%s as .ipa) and a model of %s, which is not in the app", onDisk(app.InstalledBytes),
			onDisk(app.ArchiveBytes), onDisk(modelBytes))
	}
	c.Evidence = []Evidence{{What: what, Value: float64(total), Unit: "B", Calculated: true, Build: app.Build}}
	return c.judge()
}

// inMemory prints bytes in powers of two, onDisk in powers of ten, as the system and stores do.
func inMemory(bytes int64) string { return harness.Quantity("B", float64(bytes)) }

func onDisk(bytes int64) string { return harness.Scale{Unit: "MB", Factor: 1e-6}.With(float64(bytes)) }
