package modelstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
)

// ErrNoFiles is in the error for a model of the catalogue whose files are not here.
var ErrNoFiles = errors.New("its files are not here")

// precisions are those that the converter knows, fp16 first: the others are compared with it.
var precisions = []string{"fp16", "int8", "int4", "palette8", "palette6", "palette4"}

// Precisions are the precisions that a model can be converted to.
func Precisions() []string { return slices.Clone(precisions) }

// Store is the models of a data folder, of the catalogue and of the program.
type Store struct {
	Data    string // data folder
	Program string // path of the running program: the repository is the folder above its own, when it is built there
	Catalog harness.Catalog
	Shipped Shipped
}

// Shipped are the models that the program brings along.
type Shipped struct {
	Path  string // of the folder of models, as the catalogue writes it, with slashes
	Files fs.FS  // each model a folder; nil: none
}

// modelsFolder holds the models that were added.
func (s Store) modelsFolder() string { return filepath.Join(s.Data, "models") }

// Downloads is the folder of what models were made of.
func (s Store) Downloads() string { return filepath.Join(s.Data, "downloads") }

// Find returns the model that a word means: a folder, where the word has a slash; a model that was added, by its own name
// or by the catalogue's where there is one conversion of it; or a model of the catalogue. All its files have been checked.
// The path of a model that is built into the program is "": [Store.Unpack] puts it on the disk. A model of the catalogue
// whose files are not here is an error with [ErrNoFiles] in it.
func (s Store) Find(word string) (harness.Model, error) {
	if strings.ContainsAny(word, `/\`) {
		return Read(word)
	}
	folder, several := s.added(word)
	if folder != "" {
		return Read(folder)
	}
	if len(several) > 0 {
		return harness.Model{}, harness.UsageError("find model", "Available: "+strings.Join(several, ", ")+".",
			"%s was converted more than once; which one?", word)
	}
	entry, err := config.Find("model", word, s.Catalog.Models)
	if err != nil {
		return harness.Model{}, err
	}
	if place, ok := s.placeOf(entry); ok {
		return place.Read()
	}
	if len(entry.Files) > 0 {
		return harness.Model{}, &harness.Error{Kind: harness.KindModel, Op: "find model " + word, Err: missing("it is not converted yet"),
			Hint: "Make it with `bench model add " + entry.Name + "`."}
	}
	return harness.Model{}, &harness.Error{Kind: harness.KindModel, Op: "find model " + word, Err: missing(entry.Path + " is not there"),
		Hint: "Run from the repository, or name the model's folder with --model PATH."}
}

// missing says in what way files are not here.
type missing string

func (m missing) Error() string { return string(m) }
func (m missing) Unwrap() error { return ErrNoFiles }

// Locate returns where the model lies that a word means: any folder, or a model that [Store.List] shows by its folder's
// name. verb is the command, for errors.
func (s Store) Locate(verb, word string) (Place, error) {
	if strings.ContainsAny(word, `/\`) {
		return Place{Folder: word}, nil
	}
	for _, place := range s.places() {
		if strings.EqualFold(place.Name(), word) {
			return place, nil
		}
	}
	return Place{}, harness.UsageError("model "+verb, "`bench model list` shows what there is.", "no model is called %q", word)
}

// Entry is one line of a list: a model that is here, or one of the catalogue that can be made.
type Entry struct {
	Name       string
	Place      Place // of a model that is here
	Manifest   Manifest
	Err        error // why the manifest cannot be read
	Offered    bool  // it is not here in this form: `bench model add` makes it
	FetchBytes int64 // what making it fetches; 0: not known
}

// List returns what is converted, then what else the catalogue has.
func (s Store) List() []Entry {
	var out []Entry
	for _, place := range s.places() {
		e := Entry{Name: place.Name(), Place: place}
		if e.Manifest, e.Err = place.Manifest(); e.Err == nil {
			e.Name = e.Manifest.Name
		}
		out = append(out, e)
	}
	var offered []Entry
	for name, entry := range s.Catalog.Models {
		if len(entry.Files) > 0 {
			offered = append(offered, Entry{Name: name, Offered: true, FetchBytes: fetchBytes(entry)})
		}
	}
	sort.Slice(offered, func(i, j int) bool { return offered[i].Name < offered[j].Name })
	return append(out, offered...)
}

func fetchBytes(entry harness.ModelEntry) int64 {
	var sum int64
	for _, file := range entry.Files {
		if file.Bytes == 0 {
			return 0
		}
		sum += file.Bytes
	}
	return sum
}

// Remove takes an added model away and returns its folder. What it was made of stays.
func (s Store) Remove(word string) (string, error) {
	place, err := s.Locate("remove", word)
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(s.modelsFolder(), place.Folder)
	if err != nil || place.Folder == "" || strings.Contains(inside, "..") || strings.ContainsRune(inside, filepath.Separator) {
		return "", harness.UsageError("model remove", "Only models that were added are removed.",
			"%s does not lie in %s", place, s.modelsFolder())
	}
	if err := os.RemoveAll(place.Folder); err != nil {
		return "", &harness.Error{Kind: harness.KindStorage, Op: "remove model", Err: err}
	}
	return place.Folder, nil
}

// places are the models that are here: of the catalogue and the program, and those that were added.
func (s Store) places() []Place {
	var out []Place
	for _, entry := range s.Catalog.Models {
		if place, ok := s.placeOf(entry); ok {
			out = append(out, place)
		}
	}
	added, _ := filepath.Glob(filepath.Join(s.modelsFolder(), "*", manifestFile)) // the pattern is no bad one
	for _, path := range added {
		out = append(out, Place{Folder: filepath.Dir(path)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].String() < out[j].String() })
	return out
}

// placeOf looks for a converted model of the catalogue: below the working folder, the data folder, and the folder above
// the program's own, which is the repository when it is built there; then in the program.
func (s Store) placeOf(entry harness.ModelEntry) (Place, bool) {
	if entry.Path == "" {
		return Place{}, false
	}
	for _, root := range []string{"", s.Data, filepath.Join(filepath.Dir(s.Program), "..")} {
		folder := entry.Path
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(root, entry.Path)
		}
		if _, err := os.Stat(filepath.Join(folder, manifestFile)); err == nil {
			return Place{Folder: folder}, true
		}
	}
	return s.Shipped.at(entry.Path)
}

// at is the model that the catalogue says to lie at a path.
func (s Shipped) at(where string) (Place, bool) {
	dir, name := path.Split(path.Clean(filepath.ToSlash(where)))
	if s.Files == nil || path.Clean(dir) != path.Clean(s.Path) {
		return Place{}, false
	}
	files, err := fs.Sub(s.Files, name)
	if err != nil {
		return Place{}, false
	}
	if _, err := fs.Stat(files, manifestFile); err != nil {
		return Place{}, false
	}
	return Place{name: name, files: files}, true
}

// added looks for a word among the models that were added: a model's own name, or the catalogue's where there is one
// conversion of it. several are the names of its conversions otherwise.
func (s Store) added(word string) (folder string, several []string) {
	exact := filepath.Join(s.modelsFolder(), word)
	if isFile(filepath.Join(exact, manifestFile)) {
		return exact, nil
	}
	for _, precision := range precisions {
		for _, form := range []string{precision, precision + "-ane"} {
			if made := exact + "-" + form; isFile(filepath.Join(made, manifestFile)) {
				several = append(several, word+"-"+form)
				folder = made
			}
		}
	}
	if len(several) == 1 {
		return folder, nil
	}
	return "", several
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// storageError is an error of the data folder.
func storageError(op string, err error) error {
	return &harness.Error{Kind: harness.KindStorage, Op: op, Err: fmt.Errorf("write files: %w", err),
		Hint: "Check the space and rights of the data folder, or choose another with --data."}
}
