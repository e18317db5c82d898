package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/harness/modelstore"
)

// shipped is the model that a release ships.
type shipped struct {
	harness.Model
	manifest *modelstore.Manifest // nil: its files are not here
}

// shape is what the model's memory is calculated from, or why it is not known.
func (m shipped) shape() (*Shape, string) {
	if m.manifest == nil {
		return nil, fmt.Sprintf("the files of %s are not here, which say its layers, heads and size: name its folder with --model, "+
			"or run from the repository", m.Name)
	}
	a := m.manifest.Architecture
	out := &Shape{Layers: a.Layers, KVHeads: a.KVHeads, HeadDim: a.HeadDim, Context: m.manifest.Context}
	for _, file := range m.manifest.Files {
		if strings.HasPrefix(file.Path, "model.mlpackage/") {
			out.WeightBytes += file.Size
		}
	}
	return out, fmt.Sprintf("the manifest of %s does not say its layers, heads and size", m.Name)
}

// bytes is the size of the model's files; 0: they are not here.
func (m shipped) bytes() int64 {
	if m.manifest == nil {
		return 0
	}
	return m.manifest.Size()
}

// app is the size of an app, with what it holds of the model.
func (m shipped) app(from *appbundle.App) *App {
	if from == nil {
		return nil
	}
	out := &App{InstalledBytes: from.InstalledBytes, ArchiveBytes: from.ArchiveBytes, Build: from.Revision}
	if out.Build == "" {
		out.Build = from.Version
	}
	out.HoldsModel = m.manifest != nil && m.inside(*from)
	return out
}

// inside reports whether an app holds the model: its manifest, or where it was compiled into the app, files as large as
// its weights, which keep their size.
func (m shipped) inside(app appbundle.App) bool {
	var largest int64
	for _, file := range m.manifest.Files {
		largest = max(largest, file.Size)
	}
	return slices.Contains(app.Models, m.manifest.Hash) || largest > 0 && app.ModelBytes >= largest
}
