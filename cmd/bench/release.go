package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/harness/prelaunch"
	"github.com/lilims/bench/harness/store"
)

// release is what the pre-launch gates are about: what is claimed, of which model, and what is recorded of it.
type release struct {
	lab      lab
	runner   string
	claims   harness.Claims
	memory   harness.DeviceProfile
	model    harness.Model
	manifest *modelstore.Manifest // nil: the model's files are not here
	build    string               // hash; empty: of any build
	app      *prelaunch.App
	noApp    string // why app is nil
	promises []promise
	recorder *store.Store // nil: there is no database
	runs     []harness.RunSummary
}

// promise is one claim with all that it names.
type promise struct {
	gate      string
	bounds    map[string]float64
	device    harness.DeviceProfile
	model     harness.Model
	modelWord string
	scenario  harness.Scenario
	failed    string // why it could not be measured now
}

func (p promise) about() string {
	return strings.Join([]string{p.device.Marketing, p.model.Name, p.scenario.Name}, ", ")
}

// release finds all that the claims name, before anything is measured.
func (f *prelaunchFlags) release(ctx context.Context, env Env) (*release, error) {
	r := &release{lab: lab{env: env, data: dataFolder(env, *f.data), seed: 1}, runner: f.runner}
	if _, ok := kindsOfRunner[f.runner]; !ok {
		return nil, harness.UsageError("prelaunch", "Claims are about phones: there are iphone and simulated.", "--runner %q", f.runner)
	}
	var err error
	if r.lab.catalog, err = loadCatalog(*f.configs); err != nil {
		return nil, err
	}
	if r.claims, err = findClaims(r.lab.catalog, f.claims); err != nil {
		return nil, err
	}
	if f.model == "" {
		f.model = r.claims.Model
	}
	if err := r.findAll(f.model); err != nil {
		return nil, err
	}
	if f.build != "" {
		build, err := readBuild(env, f.runner, f.build, harness.ArmCandidate)
		if err != nil {
			return nil, err
		}
		r.build = build.Hash
	}
	if r.app, r.noApp, err = f.findApp(env, r.manifest); err != nil {
		return nil, err
	}
	return r, r.open(ctx, f.measure)
}

// findClaims takes a file, or claims of the catalogue.
func findClaims(catalog harness.Catalog, word string) (harness.Claims, error) {
	if !strings.ContainsAny(word, `/\`) && filepath.Ext(word) != ".yaml" {
		return config.Find("claims", word, catalog.Claims)
	}
	content, err := os.ReadFile(word)
	if err != nil {
		return harness.Claims{}, harness.UsageError("read claims", "Name a file of the form of configs/claims/default.yaml, or claims of the catalogue.", "%w", err)
	}
	return config.Claims(catalog, strings.TrimSuffix(filepath.Base(word), filepath.Ext(word)), word, content)
}

// findAll finds the models, devices and scenarios of all claims. word is the release's own model.
func (r *release) findAll(word string) error {
	catalog, models := r.lab.catalog, map[string]harness.Model{}
	find := func(word string) (err error) {
		if _, known := models[word]; !known {
			models[word], err = r.lab.findModel(word, r.runner)
		}
		return err
	}
	if err := find(word); err != nil {
		return err
	}
	r.model, r.memory = models[word], catalog.Devices[r.claims.Memory.Device] // the configuration has checked the names
	for i, c := range append([]harness.Claim{r.claims.Soak}, r.claims.Claims...) {
		if c.Model == "" {
			c.Model = word
		}
		if err := find(c.Model); err != nil {
			return err
		}
		p := promise{gate: prelaunch.GateClaim, bounds: c.Bounds, device: catalog.Devices[c.Device], model: models[c.Model], modelWord: c.Model, scenario: catalog.Scenarios[c.Scenario]}
		if i == 0 {
			p.gate = prelaunch.GateSoak
		}
		r.promises = append(r.promises, p)
	}
	return r.readShape()
}

// readShape reads the manifest of the release's model, where its files are here.
func (r *release) readShape() (err error) {
	r.manifest, err = r.lab.models().ManifestOf(r.model)
	return err
}

func (r *release) open(ctx context.Context, make bool) error {
	path := store.File(r.lab.data)
	if !make && !isFile(path) {
		return nil
	}
	var err error
	if r.recorder, err = store.Open(ctx, path); err != nil {
		return err
	}
	return r.readRuns(ctx)
}

func (r *release) readRuns(ctx context.Context) (err error) {
	r.runs, err = r.recorder.Runs(ctx)
	return err
}

func (r *release) close() {
	if r.recorder != nil {
		r.recorder.Close()
	}
}

// gates are all of the release, in the order of the page.
func (r *release) gates(ctx context.Context) ([]prelaunch.Gate, error) {
	memory, err := r.memoryGate(ctx)
	if err != nil {
		return nil, err
	}
	out := []prelaunch.Gate{memory}
	for _, p := range r.promises {
		gates, err := r.judge(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, gates...)
	}
	return append(out, prelaunch.Size(r.app, r.modelBytes(), r.claims.AppBytes, r.noApp)), nil
}

// modelBytes is the size of the model's files; 0: they are not here.
func (r *release) modelBytes() int64 {
	if r.manifest == nil {
		return 0
	}
	return r.manifest.Size()
}

// shape is what the model's memory is reckoned from, or why it is not known.
func (r *release) shape() (*prelaunch.Shape, string) {
	if r.manifest == nil {
		return nil, fmt.Sprintf("the files of %s are not here, which say its layers, heads and size: name its folder with --model, or run from the repository", r.model.Name)
	}
	a := r.manifest.Architecture
	shape := prelaunch.Shape{Layers: a.Layers, KVHeads: a.KVHeads, HeadDim: a.HeadDim, Context: r.manifest.Context}
	for _, file := range r.manifest.Files {
		if strings.HasPrefix(file.Path, "model.mlpackage/") {
			shape.WeightBytes += file.Size
		}
	}
	return &shape, fmt.Sprintf("the manifest of %s does not say its layers, heads and size", r.model.Name)
}
