// Package prelaunch holds what was measured, and what can be reckoned, against what a release promises: memory of the
// smallest phone that counts, the soak, figures that are claimed, the size of the app. Claims and evidence come in, one
// page of gates goes out: pass, fail, or not measured. It is pure; whoever calls it has read the store and the files.
// It never fills a gap: a gate without evidence is not measured, and evidence keeps the kind of device that it is from.
package prelaunch

import (
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
)

// Status is what a gate says.
type Status string

const (
	Pass        Status = "pass"
	Fail        Status = "fail"
	NotMeasured Status = "not measured"
)

// Names of the gates.
const (
	GateMemory = "memory"
	GateSoak   = "soak"
	GateClaim  = "claim"
	GateSize   = "size"
)

// Evidence is one number that a gate rests on, in base units, with where it is from.
type Evidence struct {
	What     string             `json:"what"`
	Value    float64            `json:"value"`
	Unit     string             `json:"unit"`
	Reckoned bool               `json:"reckoned,omitempty"` // from sizes, not from a run
	Run      string             `json:"run,omitempty"`
	Device   string             `json:"device,omitempty"`
	Kind     harness.DeviceKind `json:"kind,omitempty"`
	Build    string             `json:"build,omitempty"` // revision, or the hash's beginning
	Sessions int                `json:"sessions,omitempty"`
	At       *time.Time         `json:"at,omitempty"`
}

// Synthetic reports whether no iPhone gave the number.
func (e Evidence) Synthetic() bool {
	return !e.Reckoned && e.Kind != "" && e.Kind != harness.KindIPhone
}

// Gate is one promise with its answer.
type Gate struct {
	Name     string     `json:"gate"`
	About    string     `json:"about"` // "iPhone 15, stories-1m, soak"
	Metric   string     `json:"metric"`
	Status   Status     `json:"status"`
	Bound    *float64   `json:"bound,omitempty"` // base units
	AtLeast  bool       `json:"at_least"`        // the bound is a least; otherwise a most
	Unit     string     `json:"unit"`
	Value    *float64   `json:"value,omitempty"` // what is held against the bound: the worst of the evidence
	Reason   string     `json:"reason,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
	Remarks  []string   `json:"remarks,omitempty"`
}

// judge holds the worst of the gate's evidence against its bound. Without evidence the gate is not measured, for the
// reason that it has.
func (g Gate) judge() Gate {
	if g.Status = NotMeasured; g.Bound == nil || len(g.Evidence) == 0 {
		g.Value = nil
		return g
	}
	worst := g.Evidence[0].Value
	for _, e := range g.Evidence[1:] {
		if g.AtLeast {
			worst = min(worst, e.Value)
		} else {
			worst = max(worst, e.Value)
		}
	}
	g.Value, g.Status = &worst, Pass
	if g.AtLeast && worst < *g.Bound || !g.AtLeast && worst > *g.Bound {
		g.Status = Fail
	}
	return g
}

// Page is all gates of a release.
type Page struct {
	Claims string    `json:"claims"`
	Model  string    `json:"model"`
	At     time.Time `json:"at"`
	Status Status    `json:"status"`
	Gates  []Gate    `json:"gates"`
}

// NewPage puts gates on a page. A failure outweighs what was not measured.
func NewPage(claims harness.Claims, model string, at time.Time, gates []Gate) Page {
	p := Page{Claims: claims.Name, Model: model, At: at, Status: Pass, Gates: gates}
	if len(gates) == 0 {
		p.Status = NotMeasured
	}
	for _, g := range gates {
		switch {
		case g.Status == Fail:
			p.Status = Fail
		case g.Status == NotMeasured && p.Status == Pass:
			p.Status = NotMeasured
		}
	}
	return p
}

// Synthetic lists the kinds of devices, iPhones aside, that the page's numbers are from.
func (p Page) Synthetic() []harness.DeviceKind {
	var out []harness.DeviceKind
	seen := map[harness.DeviceKind]bool{}
	for _, g := range p.Gates {
		for _, e := range g.Evidence {
			if e.Synthetic() && !seen[e.Kind] {
				seen[e.Kind] = true
				out = append(out, e.Kind)
			}
		}
	}
	return out
}

// Measured is the gate of one metric that a claim bounds, by the evidence of each unit. Absent evidence is told by why.
func Measured(name, about string, metric harness.Metric, bound float64, found []Evidence, why string) Gate {
	g := Gate{Name: name, About: about, Metric: metric.Name, Bound: &bound, AtLeast: metric.Better == harness.Higher, Unit: metric.Unit, Evidence: found}
	if len(found) == 0 {
		g.Reason = why
	}
	return g.judge()
}

// End is how a launch ended that a gate's evidence is from, where it did not end well.
type End struct {
	Run, Session string
	Outcome      harness.Outcome // empty: it has no end
	Reason       string
}

func (e End) String() string {
	outcome := string(e.Outcome)
	if outcome == "" {
		outcome = "cut off"
	}
	text := fmt.Sprintf("session %s of run %s: %s", e.Session, e.Run, outcome)
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// breaks reports whether app or heat has cut the launch short, rather than cable, host or a person.
func (e End) breaks() bool {
	switch e.Outcome {
	case harness.OutcomeThermal, harness.OutcomeJetsam, harness.OutcomeTimeout, harness.OutcomeAppCrash, harness.OutcomeError:
		return true
	}
	return false
}

// After counts how the launches ended that the gate asks about. A promise is broken by a launch that app or heat has cut
// short, whatever was measured before; other bad ends are remarks, and the reason where nothing was measured.
func (g Gate) After(ends []End) Gate {
	for _, e := range ends {
		switch {
		case e.breaks() && g.Status != Fail:
			g.Status, g.Reason = Fail, e.String()
		case g.Status == NotMeasured && g.Bound != nil:
			g.Reason = e.String()
		default:
			g.Remarks = append(g.Remarks, e.String())
		}
	}
	return g
}

// Shape is what of a model its memory is reckoned from.
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

// Memory is the gate of the smallest phone that counts: weights and cache together, and the highest footprint of any run
// on that kind of phone, under what the system leaves to one app. A nil shape is not known, for the reason in why.
func Memory(device harness.DeviceProfile, context int, shape *Shape, why string, peaks []Evidence) Gate {
	g := Gate{Name: GateMemory, Metric: "memory", Unit: "B",
		About: fmt.Sprintf("%s with %.3g GB, a cache of %d tokens", device.Marketing, float64(device.MemoryBytes)/(1<<30), context)}
	if device.LimitBytes == 0 {
		g.Reason = "what the system leaves to one app on it is not known: app_limit_mib is missing in configs/devices/" + device.Name + ".yaml"
		return g.judge()
	}
	limit := float64(device.LimitBytes)
	g.Bound = &limit
	g.Remarks = append(g.Remarks, "the limit is assumed in configs/devices/"+device.Name+".yaml; a phone's own shows in least_available_bytes of a run")
	if shape == nil || shape.WeightBytes <= 0 || shape.CacheBytes(1) <= 0 {
		if g.Reason = why; g.Reason == "" {
			g.Reason = "the model does not say its layers, heads and size"
		}
		return g.judge()
	}
	g.Evidence = append([]Evidence{{What: fmt.Sprintf("weights of %d B and a cache of %d B", shape.WeightBytes, shape.CacheBytes(context)),
		Value: float64(shape.WeightBytes + shape.CacheBytes(context)), Unit: "B", Reckoned: true}}, peaks...)
	if len(peaks) == 0 {
		g.Remarks = append(g.Remarks, "no run of this model on this kind of phone: the gate rests on the reckoning alone")
	}
	if shape.Context > 0 && shape.Context < context {
		g.Remarks = append(g.Remarks, fmt.Sprintf("the model is converted with a cache of %d tokens; a larger one is reckoned", shape.Context))
	}
	return g.judge()
}

// App is the size of a build: as installed, and as it is downloaded.
type App struct {
	Path           string
	InstalledBytes int64
	ArchiveBytes   int64
	HoldsModel     bool // a model lies inside
	Build          string
}

// Size is the gate of app and model together, as installed. A model that does not lie in the app is added. A nil app was
// not found, for the reason in why.
func Size(app *App, modelBytes int64, bound float64, why string) Gate {
	g := Gate{Name: GateSize, About: "app and model as installed", Metric: "app_bytes", Bound: &bound, Unit: "B"}
	switch {
	case app == nil:
		g.Reason = why
		return g.judge()
	case !app.HoldsModel && modelBytes <= 0:
		g.Reason = "no model lies in the app, and the model's size is not known"
		return g.judge()
	}
	total := app.InstalledBytes
	what := fmt.Sprintf("app of %d B with the model inside (%d B as .ipa)", app.InstalledBytes, app.ArchiveBytes)
	if !app.HoldsModel {
		total += modelBytes
		what = fmt.Sprintf("app of %d B (%d B as .ipa) and a model of %d B, which is not inside", app.InstalledBytes, app.ArchiveBytes, modelBytes)
	}
	g.Evidence = []Evidence{{What: what, Value: float64(total), Unit: "B", Reckoned: true, Build: app.Build}}
	return g.judge()
}
