package release

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/harness/modelstore"
)

// simple are the options of a release with one claim besides the soak.
func simple() Options {
	return Options{
		Claims: harness.Claims{Name: "c", Model: "m", AppBytes: 2000, Memory: harness.MemoryClaim{Device: "iPhone15", Context: 100},
			Soak: harness.Claim{Device: "iPhone15", Scenario: "soak", Bounds: map[string]float64{harness.DecodeTokS: 1}},
			Claims: []harness.Claim{{Device: "iPhone15", Model: "other", Scenario: "quick",
				Bounds: map[string]float64{harness.DecodeTokS: 20, harness.TTFT: 1}}}},
		Catalog: harness.Catalog{
			Devices: map[string]harness.DeviceProfile{
				"iPhone15": {Name: "iPhone15", Marketing: "iPhone 15", ProductType: "iPhone15,4", LimitBytes: 1e6}},
			Scenarios: map[string]harness.Scenario{"soak": {Name: "soak"}, "quick": {Name: "quick", GenerateTokens: 1}}},
		Find: func(word string) (harness.Model, error) { return harness.Model{Name: word, Hash: "h-" + word}, nil },
		Manifest: func(harness.Model) (*modelstore.Manifest, error) {
			m := modelstore.Manifest{Files: []modelstore.File{{Path: "model.mlpackage/w", Size: 1000}, {Path: "tokenizer.json", Size: 100}}}
			m.Architecture.Layers, m.Architecture.KVHeads, m.Architecture.HeadDim = 1, 1, 1
			return &m, nil
		},
		Kinds: []harness.DeviceKind{harness.KindIPhone},
		App:   &appbundle.App{InstalledBytes: 500, Version: "1.2"},
	}
}

func TestEvaluateWithoutADatabase(t *testing.T) {
	r, err := New(simple())
	require.NoError(t, err)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	page, err := r.Evaluate(t.Context(), nil, at)
	require.NoError(t, err)
	assert.Equal(t, at, page.At)
	assert.Equal(t, "m", page.Model)
	var said []string
	for _, c := range page.Checks {
		said = append(said, c.Name+" "+c.Metric+" "+string(c.Status))
	}
	assert.Equal(t, []string{"memory memory pass", "soak decode_tok_s not measured",
		"claim decode_tok_s not measured", "claim ttft_s not measured", "size app_bytes pass"}, said)
	assert.Equal(t, NotMeasured, page.Status)
	assert.Equal(t, "iPhone 15, other, quick", page.Checks[2].About)
}

// TestMeasure makes a run of each case that has no figure, and goes on where a phone is missing.
func TestMeasure(t *testing.T) {
	missing := &harness.Error{Kind: harness.KindDevice, Op: "choose device", Err: errors.New("no such phone")}
	var measured, told []string
	o := simple()
	o.Measure = func(_ context.Context, c Claim) error {
		measured = append(measured, c.Check+" "+c.Word+" "+c.Scenario.Name)
		if c.Check == CheckSoak {
			return missing
		}
		return nil
	}
	o.Unmeasured = func(err error) { told = append(told, err.Error()) }
	r, err := New(o)
	require.NoError(t, err)
	page, err := r.Evaluate(t.Context(), nil, time.Time{})
	require.NoError(t, err)
	assert.Equal(t, []string{"soak m soak", "claim other quick"}, measured)
	assert.Equal(t, []string{missing.Error()}, told)
	assert.Equal(t, missing.Error(), page.Checks[1].Reason)
	assert.Contains(t, page.Checks[2].Reason, "no run of iPhone15,4/other/quick is recorded on an iPhone")

	broken := &harness.Error{Kind: harness.KindStorage, Op: "record", Err: errors.New("the disk is full")}
	r.Measure = func(context.Context, Claim) error { return broken }
	_, err = r.Evaluate(t.Context(), nil, time.Time{})
	assert.ErrorIs(t, err, broken, "what is no want of a device ends the evaluation")
}

func TestNewFindsEveryModelFirst(t *testing.T) {
	o := simple()
	unknown := errors.New("no such model")
	o.Find = func(word string) (harness.Model, error) {
		if word == "other" {
			return harness.Model{}, unknown
		}
		return harness.Model{Name: word}, nil
	}
	_, err := New(o)
	require.ErrorIs(t, err, unknown)
	o = simple()
	o.Manifest = func(harness.Model) (*modelstore.Manifest, error) { return nil, unknown }
	_, err = New(o)
	assert.ErrorIs(t, err, unknown, "a manifest that cannot be read is no absent one")
}

// TestModelInTheApp tells whether an app holds the release's model.
func TestModelInTheApp(t *testing.T) {
	model := shipped{manifest: &modelstore.Manifest{Hash: "h1", Files: []modelstore.File{
		{Path: "model.mlpackage/weight.bin", Size: 5000}, {Path: "tokenizer.json", Size: 300}}}}
	assert.EqualValues(t, 5300, model.bytes())
	for name, c := range map[string]struct {
		app    appbundle.App
		model  shipped
		inside bool
	}{
		"app alone":             {appbundle.App{InstalledBytes: 7000}, model, false},
		"the model's manifest":  {appbundle.App{Models: []string{"h0", "h1"}}, model, true},
		"another's manifest":    {appbundle.App{Models: []string{"h2"}}, model, false},
		"the model, compiled":   {appbundle.App{ModelBytes: 5000}, model, true},
		"a smaller model":       {appbundle.App{ModelBytes: 4999}, model, false},
		"files of no known one": {appbundle.App{ModelBytes: 5000}, shipped{}, false},
		"a model of no files":   {appbundle.App{}, shipped{manifest: &modelstore.Manifest{Hash: "h1"}}, false},
	} {
		assert.Equal(t, c.inside, c.model.app(&c.app).HoldsModel, name)
	}
	assert.Equal(t, "2.1", model.app(&appbundle.App{Version: "2.1"}).Build)
	assert.Equal(t, "0123abc", model.app(&appbundle.App{Version: "2.1", Revision: "0123abc"}).Build)
	assert.Nil(t, model.app(nil))
}
