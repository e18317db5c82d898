package modelstore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
)

// Unpack puts a model that is built into the program into the data folder, once, and returns it with its path. A model
// that lies on the disk is returned as it is. The copy is written aside, checked and renamed, so that a program that
// ends half-way, and another one that does the same, leave nothing torn; a damaged copy is replaced.
func (s Store) Unpack(model harness.Model) (harness.Model, error) {
	if model.Path != "" {
		return model, nil
	}
	place, err := s.Shipped.withHash(model.Hash)
	if err != nil {
		return model, err
	}
	folder := filepath.Join(s.Data, "shipped", place.name+"-"+model.Hash[:min(12, len(model.Hash))])
	if unpacked, err := Read(folder); err == nil && unpacked.Hash == model.Hash {
		return unpacked, nil
	}
	if err := place.copyTo(folder); err != nil {
		return model, err
	}
	return Read(folder)
}

// ManifestOf is the manifest of a model that [Store.Find] has returned; nil: its files are not here.
func (s Store) ManifestOf(model harness.Model) (*Manifest, error) {
	place := Place{Folder: model.Path}
	if model.Path == "" {
		var err error
		if place, err = s.Shipped.withHash(model.Hash); err != nil {
			return nil, nil
		}
	}
	m, err := place.Manifest()
	return &m, err
}

// withHash finds a model of the program.
func (s Shipped) withHash(hash string) (Place, error) {
	fail := func(err error) (Place, error) {
		return Place{}, &harness.Error{Kind: harness.KindInternal, Op: "unpack model", Err: err}
	}
	if s.Files == nil {
		return fail(fmt.Errorf("no model is built into the program"))
	}
	folders, err := fs.ReadDir(s.Files, ".")
	if err != nil {
		return fail(err)
	}
	for _, folder := range folders {
		place, ok := s.at(s.Path + "/" + folder.Name())
		if !ok {
			continue
		}
		if m, err := place.Manifest(); err == nil && m.Hash == hash {
			return place, nil
		}
	}
	return fail(fmt.Errorf("no model with the hash %s is built into the program", hash))
}

// copyTo writes the model beside folder, checks it, and puts it in the folder's place.
func (p Place) copyTo(folder string) error {
	op := "unpack model " + p.name
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return storageError(op, err)
	}
	aside, err := os.MkdirTemp(filepath.Dir(folder), ".unpacking-")
	if err != nil {
		return storageError(op, err)
	}
	defer os.RemoveAll(aside)
	fresh, old := filepath.Join(aside, "new"), filepath.Join(aside, "old")
	if err := os.CopyFS(fresh, p.files); err != nil {
		return storageError(op, err)
	}
	if _, err := Read(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, folder); err == nil { // it fails where the folder exists
		return nil
	}
	if _, err := Read(folder); err == nil { // another program was faster
		return nil
	}
	if err := os.Rename(folder, old); err != nil && !os.IsNotExist(err) {
		return storageError(op, err)
	}
	if err := os.Rename(fresh, folder); err != nil {
		return storageError(op, err)
	}
	return nil
}
