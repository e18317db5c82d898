package release

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/harness/modelstore"
)

// Options is what a release is, and by what it is checked.
type Options struct {
	Claims  harness.Claims
	Catalog harness.Catalog // of the devices and scenarios that the claims name
	Model   string          // word of the model that the release ships; "": the claims'
	// Find finds a model by name or folder.
	Find func(word string) (harness.Model, error)
	// Manifest reads what a model's files say of it; nil: they are not here.
	Manifest func(m harness.Model) (*modelstore.Manifest, error)
	// Kinds are the kinds of devices whose runs count, the preferred one first: what a phone said is never replaced by
	// what a virtual one says later.
	Kinds []harness.DeviceKind
	Build string         // hash of the build whose runs count; "": a candidate of any
	App   *appbundle.App // whose size counts; nil: there is none, for the reason in NoApp
	NoApp string

	// Measure makes a run of a claim's case. nil: nothing is measured.
	Measure func(ctx context.Context, c Claim) error
	// Unmeasured is told why a case could not be measured for want of a device: its checks stay not measured. May be nil.
	Unmeasured func(err error)
}

// Claim is one claim with all that it names.
type Claim struct {
	Check    string             // name of its checks: CheckSoak or CheckClaim
	Bounds   map[string]float64 // metric -> at most, or at least where higher is better; base units
	Device   harness.DeviceProfile
	Model    harness.Model
	Word     string // that names the model
	Scenario harness.Scenario

	failed string // why it could not be measured now
}

func (c Claim) about() string {
	return strings.Join([]string{c.Device.Marketing, c.Model.Name, c.Scenario.Name}, ", ")
}

// Release is a release whose claims name what there is.
type Release struct {
	Options
	model  shipped
	memory harness.DeviceProfile
	all    []Claim
}

// New finds the models of all claims, before anything is read or measured. Devices and scenarios that claims name are in
// the catalogue: the configuration has checked that.
func New(o Options) (*Release, error) {
	if o.Model == "" {
		o.Model = o.Claims.Model
	}
	r := &Release{Options: o, memory: o.Catalog.Devices[o.Claims.Memory.Device]}
	models := map[string]harness.Model{}
	find := func(word string) (err error) {
		if _, known := models[word]; !known {
			models[word], err = o.Find(word)
		}
		return err
	}
	if err := find(o.Model); err != nil {
		return nil, err
	}
	r.model.Model = models[o.Model]
	var err error
	if r.model.manifest, err = o.Manifest(r.model.Model); err != nil {
		return nil, err
	}
	for i, c := range append([]harness.Claim{o.Claims.Soak}, o.Claims.Claims...) {
		if c.Model == "" {
			c.Model = o.Model
		}
		if err := find(c.Model); err != nil {
			return nil, err
		}
		r.all = append(r.all, Claim{Check: CheckClaim, Bounds: c.Bounds, Device: o.Catalog.Devices[c.Device], Model: models[c.Model],
			Word: c.Model, Scenario: o.Catalog.Scenarios[c.Scenario]})
		if i == 0 {
			r.all[i].Check = CheckSoak
		}
	}
	return r, nil
}

// evaluation is a release with what is recorded of it.
type evaluation struct {
	claims     harness.Claims
	model      shipped
	memory     harness.DeviceProfile
	kinds      []harness.DeviceKind
	build      string
	recordings Recordings
	runs       []harness.RunSummary
}

// Evaluate checks the release at a moment, after it has measured what is missing where that is asked for. Without a
// database recordings is nil.
func (r *Release) Evaluate(ctx context.Context, recordings Recordings, at time.Time) (Page, error) {
	e := &evaluation{claims: r.Claims, model: r.model, memory: r.memory, kinds: r.Kinds, build: r.Build, recordings: recordings}
	if err := e.readRuns(ctx); err != nil {
		return Page{}, err
	}
	claims := slices.Clone(r.all)
	if r.Options.Measure != nil {
		if err := r.measure(ctx, e, claims); err != nil {
			return Page{}, err
		}
	}
	memory, err := e.memoryCheck(ctx)
	if err != nil {
		return Page{}, err
	}
	checks := []Check{memory}
	for _, c := range claims {
		of, err := e.check(ctx, c)
		if err != nil {
			return Page{}, err
		}
		checks = append(checks, of...)
	}
	checks = append(checks, Size(r.model.app(r.App), r.model.bytes(), r.Claims.AppBytes, r.NoApp))
	return NewPage(r.Claims, r.model.Name, at, checks), nil
}

func (e *evaluation) readRuns(ctx context.Context) (err error) {
	if e.recordings != nil {
		e.runs, err = e.recordings.Runs(ctx)
	}
	return err
}

// measure makes a run of every case that has a check without a figure.
func (r *Release) measure(ctx context.Context, e *evaluation, claims []Claim) error {
	for i := range claims {
		checks, err := e.check(ctx, claims[i])
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(checks, func(c Check) bool { return c.Status == NotMeasured }) {
			continue
		}
		if err := r.Measure(ctx, claims[i]); err != nil {
			if harness.KindOf(err) != harness.KindDevice || ctx.Err() != nil {
				return err
			}
			if r.Unmeasured != nil {
				r.Unmeasured(err)
			}
			claims[i].failed = err.Error()
		}
		if err := e.readRuns(ctx); err != nil {
			return err
		}
	}
	return nil
}
