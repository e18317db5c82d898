package modelstore

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/lilims/bench/harness"
)

// Manifest is the part of a model's manifest.json that the host reads; docs/model-contract.md has the whole.
type Manifest struct {
	Format       int          `json:"format"`
	Name         string       `json:"name"`
	Version      string       `json:"version"`
	Family       string       `json:"family"`
	Quantization string       `json:"quantization"`
	Layout       string       `json:"layout"`
	SizeBytes    int64        `json:"size_bytes"`
	Hash         string       `json:"hash"`
	Context      int          `json:"context"`
	Licence      string       `json:"licence"`
	Files        []File       `json:"files"`
	Evaluation   []Evaluation `json:"evaluation"`
	Architecture struct {
		Layers  int64 `json:"layers"`
		KVHeads int64 `json:"kv_heads"`
		HeadDim int64 `json:"head_dim"`
	} `json:"architecture"`
	Source struct {
		What   string `json:"what"`
		SHA256 string `json:"sha256"`
	} `json:"source"`
}

// File is one file of a model, with slashes in its path.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Evaluation is a perplexity that was measured, of this model or of the one that it is compared with.
type Evaluation struct {
	Corpus     string   `json:"corpus"`
	Precision  string   `json:"precision"`
	Tokens     int      `json:"tokens"`
	Perplexity *float64 `json:"perplexity"`   // nil: not measured
	Loss       *float64 `json:"loss"`         // relative increase against fp16; nil: not measured
	DecodeTokS *float64 `json:"decode_tok_s"` // on the host that converted
	Accepted   string   `json:"accepted"`     // why a larger loss was accepted
	By         string   `json:"by"`
}

const (
	manifestFile   = "manifest.json"
	manifestFormat = 1
)

// ReadManifest reads the manifest of a model folder. It checks no file; [Read] does.
func ReadManifest(folder string) (Manifest, error) { return Place{Folder: folder}.Manifest() }

// Read reads a model folder and checks every file of the package against its manifest, so that a corrupt copy is refused
// before it is sent to a phone. Errors are of kind model.
func Read(folder string) (harness.Model, error) { return Place{Folder: folder}.Read() }

func readManifest(files fs.FS) (Manifest, error) {
	var m Manifest
	text, err := fs.ReadFile(files, manifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if m.Format != manifestFormat {
		return m, fmt.Errorf("%s has format %d; this bench knows format %d", manifestFile, m.Format, manifestFormat)
	}
	return m, nil
}

// Size is the sum of the files' sizes, in bytes.
func (m Manifest) Size() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

// CacheBytes is the key-value cache: keys and values of every layer, two bytes each.
func (m Manifest) CacheBytes() int64 {
	return 2 * m.Architecture.Layers * int64(m.Context) * m.Architecture.KVHeads * m.Architecture.HeadDim * 2
}

// Measured is the perplexity of the model's own precision; nil: not measured.
func (m Manifest) Measured() *Evaluation {
	var own *Evaluation
	for i, e := range m.Evaluation {
		if e.Precision == m.Quantization && e.Perplexity != nil {
			own = &m.Evaluation[i]
		}
	}
	return own
}

// check compares the files with the manifest: every listed one whole, no other, and the hash over the list.
func (m Manifest) check(files fs.FS) error {
	var errs []error
	listed := map[string]bool{manifestFile: true}
	for _, f := range m.Files {
		listed[f.Path] = true
		if err := f.check(files); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Path, err))
		}
	}
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !listed[path] {
			errs = append(errs, fmt.Errorf("%s: the manifest does not list it", path))
		}
		return err
	})
	if err == nil && len(errs) == 0 && m.hash() != m.Hash {
		err = errors.New("manifest.json: its hash is not that of its list of files")
	}
	return errors.Join(append(errs, err)...)
}

func (f File) check(files fs.FS) error {
	file, err := files.Open(f.Path) // a path that leaves the folder is refused here
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("it is missing")
	}
	if err != nil {
		return err
	}
	defer file.Close()
	digest := sha256.New()
	size, err := io.Copy(digest, file)
	switch {
	case err != nil:
		return err
	case size != f.Size:
		return fmt.Errorf("it has %d bytes, not %d", size, f.Size)
	case !strings.EqualFold(hex.EncodeToString(digest.Sum(nil)), f.SHA256):
		return errors.New("its SHA-256 is not the manifest's")
	}
	return nil
}

// hash is the SHA-256 over the lines "<path>\t<size>\t<sha256>\n" of the files, sorted by path.
func (m Manifest) hash() string {
	files := append([]File{}, m.Files...)
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	digest := sha256.New()
	for _, f := range files {
		fmt.Fprintf(digest, "%s\t%d\t%s\n", f.Path, f.Size, f.SHA256)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// Place is where a model lies: a folder, or the program itself.
type Place struct {
	Folder string // "": in the program
	name   string // of the model's folder in the program
	files  fs.FS  // of the model in the program
}

// Name is the last part of the model's folder.
func (p Place) Name() string {
	if p.Folder == "" {
		return p.name
	}
	return filepath.Base(p.Folder)
}

func (p Place) String() string {
	if p.Folder == "" {
		return p.name + " (built into bench)"
	}
	return p.Folder
}

// open gives the model's files. No path leads out of them, through a symbolic link neither.
func (p Place) open() (files fs.FS, shut func() error, err error) {
	if p.Folder == "" {
		return p.files, func() error { return nil }, nil
	}
	root, err := os.OpenRoot(p.Folder)
	if err != nil {
		return nil, nil, err
	}
	return root.FS(), root.Close, nil
}

// Manifest reads the model's manifest.
func (p Place) Manifest() (Manifest, error) {
	files, shut, err := p.open()
	if err != nil {
		return Manifest{}, p.fail(err)
	}
	defer func() { _ = shut() }()
	m, err := readManifest(files)
	if err != nil {
		return Manifest{}, p.fail(err)
	}
	return m, nil
}

// Read reads the model and checks every file of it. The path of a model that is built into the program is "".
func (p Place) Read() (harness.Model, error) {
	files, shut, err := p.open()
	if err != nil {
		return harness.Model{}, p.fail(err)
	}
	defer func() { _ = shut() }()
	m, err := readManifest(files)
	if err == nil {
		err = m.check(files)
	}
	path := p.Folder
	if err == nil && path != "" {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return harness.Model{}, p.fail(err)
	}
	return harness.Model{Name: m.Name, Version: m.Version, Hash: m.Hash, Path: path, SizeBytes: m.Size(),
		Quantization: m.Quantization, Context: m.Context}, nil
}

func (p Place) fail(err error) error {
	return &harness.Error{Kind: harness.KindModel, Op: "read model " + p.String(), Err: err,
		Hint: "Convert or fetch the model again; docs/model-contract.md says what it must hold."}
}
