package main

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

// manifest is the part of a model's manifest.json that the host reads; docs/model-contract.md has the whole.
type manifest struct {
	Format       int            `json:"format"`
	Name         string         `json:"name"`
	Version      string         `json:"version"`
	Family       string         `json:"family"`
	Quantization string         `json:"quantization"`
	Layout       string         `json:"layout"`
	SizeBytes    int64          `json:"size_bytes"`
	Hash         string         `json:"hash"`
	Context      int            `json:"context"`
	Licence      string         `json:"licence"`
	Files        []manifestFile `json:"files"`
	Evaluation   []evaluation   `json:"evaluation"`
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

// evaluation is a perplexity that was measured, of this model or of the one that it is held against.
type evaluation struct {
	Corpus     string   `json:"corpus"`
	Precision  string   `json:"precision"`
	Tokens     int      `json:"tokens"`
	Perplexity *float64 `json:"perplexity"`
	Loss       *float64 `json:"loss"`
	DecodeTokS *float64 `json:"decode_tok_s"`
	Accepted   string   `json:"accepted"`
	By         string   `json:"by"`
}

func (e evaluation) String() string {
	if e.Perplexity == nil {
		return "not measured"
	}
	out := fmt.Sprintf("%.4f in %s over %d tokens of %s, by %s", *e.Perplexity, e.Precision, e.Tokens, e.Corpus, e.By)
	if e.Loss != nil {
		out += fmt.Sprintf(": %+.2f %% against fp16", 100**e.Loss)
	}
	if e.Accepted != "" {
		out += " (accepted: " + e.Accepted + ")"
	}
	if e.DecodeTokS != nil {
		out += fmt.Sprintf("; %.1f tok/s on this host", *e.DecodeTokS)
	}
	return out
}

// cacheBytes is the key-value cache: keys and values of every layer, two bytes each.
func (m manifest) cacheBytes() int64 {
	return 2 * m.Architecture.Layers * int64(m.Context) * m.Architecture.KVHeads * m.Architecture.HeadDim * 2
}

type manifestFile struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const manifestFormat = 1

// findModel looks for a model of the catalogue: below the working folder, the data folder, and the folder above the
// program's own, which is the repository when it is built there.
func findModel(env Env, entry harness.ModelEntry, data string) (folder string, ok bool) {
	for _, root := range []string{"", data, filepath.Join(filepath.Dir(env.Executable), "..")} {
		folder := entry.Path
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(root, entry.Path)
		}
		if _, err := os.Stat(filepath.Join(folder, "manifest.json")); err == nil {
			return folder, true
		}
	}
	return "", false
}

// readManifest reads what a model folder says of itself.
func readManifest(folder string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		return m, modelError(folder, err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, modelError(folder, fmt.Errorf("manifest.json: %w", err))
	}
	if m.Format != manifestFormat {
		return m, modelError(folder, fmt.Errorf("manifest.json has format %d; this bench knows format %d", m.Format, manifestFormat))
	}
	return m, nil
}

func modelError(folder string, err error) error {
	return &harness.Error{Kind: harness.KindModel, Op: "read model " + folder, Err: err,
		Hint: "Convert or fetch the model again; docs/model-contract.md says what it must hold."}
}

// readModel reads a model's manifest and checks every file of the package against it, so that a torn copy is refused
// before it is sent to a phone.
func readModel(folder string) (harness.Model, error) {
	m, err := readManifest(folder)
	if err != nil {
		return harness.Model{}, err
	}
	if err := m.check(folder); err != nil {
		return harness.Model{}, modelError(folder, err)
	}
	path, err := filepath.Abs(folder)
	if err != nil {
		return harness.Model{}, modelError(folder, err)
	}
	return harness.Model{Name: m.Name, Version: m.Version, Hash: m.Hash, Path: path, SizeBytes: m.size(),
		Quantization: m.Quantization, Context: m.Context}, nil
}

func (m manifest) size() int64 {
	var sum int64
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

// check compares the folder with the manifest: every listed file whole, no other file, and the hash over the list.
func (m manifest) check(folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	listed := map[string]bool{"manifest.json": true}
	for _, f := range m.Files {
		listed[f.Path] = true
		if err := f.check(root); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Path, err))
		}
	}
	err = fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
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

func (f manifestFile) check(root *os.Root) error {
	file, err := root.Open(filepath.FromSlash(f.Path)) // a path that leaves the folder is refused here
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
func (m manifest) hash() string {
	files := append([]manifestFile{}, m.Files...)
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	digest := sha256.New()
	for _, f := range files {
		fmt.Fprintf(digest, "%s\t%d\t%s\n", f.Path, f.Size, f.SHA256)
	}
	return hex.EncodeToString(digest.Sum(nil))
}
