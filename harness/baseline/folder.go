package baseline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/lilims/bench/harness"
)

// Folder is where baselines are kept: <Path>/<device>/<model>/<scenario>.json.
type Folder struct {
	Path string
	// DeviceName is the catalogue's short name of a product type, for folders that people can read: iPhone15 for
	// iPhone15,4. "" where the catalogue has none; the product type is taken then.
	DeviceName func(productType string) string
}

// Stored is a baseline with its place.
type Stored struct {
	Path string
	harness.Baseline
}

// unsafeInName is what a folder's name does not take from a device or a model.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// PathOf is where the baseline of a case is kept.
func (f Folder) PathOf(c harness.Case) string {
	device := c.Device.ProductType
	if name := f.DeviceName(device); name != "" {
		device = name
	}
	parts := []string{f.Path}
	for _, name := range []string{device, c.Model.Name, c.Scenario.Name + ".json"} {
		parts = append(parts, strings.TrimLeft(unsafeInName.ReplaceAllString(name, "_"), "."))
	}
	return filepath.Join(parts...)
}

// Of reads the baseline of a case. One that does not exist is nil.
func (f Folder) Of(c harness.Case) (*harness.Baseline, error) {
	return Read(f.PathOf(c))
}

// Read reads a stored baseline. One that does not exist is nil; one that cannot be read, or was changed by hand, is an
// error of kind usage.
func Read(path string) (*harness.Baseline, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var b harness.Baseline
	if err == nil {
		b, err = Decode(text)
	}
	if err != nil {
		return nil, harness.UsageError("read baseline", "Take the reviewed file back from git, or accept a run again.", "%s: %w", path, err)
	}
	return &b, nil
}

// All reads every stored baseline, in the order of their paths. A folder that does not exist is an error of kind usage.
func (f Folder) All() ([]Stored, error) {
	var out []Stored
	err := filepath.WalkDir(f.Path, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) && path == f.Path {
			return harness.UsageError("baseline", "bench baseline accept makes one.", "there is not a folder %s", path)
		}
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		b, err := Read(path)
		if err != nil {
			return err
		}
		out = append(out, Stored{path, *b})
		return nil
	})
	return out, err
}

// Named are the stored baselines of a case or at a path; of all for "". None is an error of kind usage.
func (f Folder) Named(word string) ([]Stored, error) {
	all, err := f.All()
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(all, func(s Stored) bool { return word != "" && word != s.Case && word != s.Path })
	if len(found) == 0 {
		return nil, harness.UsageError("baseline show", "bench baseline list shows what there is.", "no baseline is stored for %q", word)
	}
	return found, nil
}

// Acceptance is who accepts a baseline, when and why: what a review reads.
type Acceptance struct {
	By     string
	Reason string
	At     time.Time
}

// Check refuses an acceptance that a review could not judge, with an error of kind usage.
func (a Acceptance) Check() error {
	switch {
	case a.Reason == "":
		return harness.UsageError("baseline accept", "People will read it in the review.", "--reason is missing")
	case a.By == "":
		return harness.UsageError("baseline accept", "Name yourself with --by.", "who accepts is not known")
	}
	return nil
}

// Accept writes proposed baselines and returns them as accepted. Nothing is written where one of them is incomplete, or
// where two devices of the run would share a file.
func (f Folder) Accept(proposed []Stored, by Acceptance) ([]Stored, error) {
	if err := by.Check(); err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	var out []Stored
	for _, p := range proposed {
		if texts[p.Path] != nil {
			return nil, harness.UsageError("baseline accept", "Keep each device's baselines in a folder of its own, with --baselines.",
				"two devices of the run would share %s", p.Path)
		}
		p.AcceptedAt, p.AcceptedBy, p.Reason = by.At.UTC().Truncate(time.Second), by.By, by.Reason
		if err := Check(p.Baseline); err != nil {
			return nil, harness.UsageError("baseline accept", "Accept a run whose readings are measured.", "%s: %w", p.Case, err)
		}
		var err error
		if texts[p.Path], err = Encode(p.Baseline); err != nil {
			return nil, fmt.Errorf("write baseline of %s: %w", p.Case, err)
		}
		out = append(out, p)
	}
	for _, p := range out {
		if err := write(p.Path, texts[p.Path]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func write(path string, text []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = renameio.WriteFile(path, text, 0o644)
	}
	if err != nil {
		return &harness.Error{Kind: harness.KindStorage, Op: "write baseline", Err: err,
			Hint: "Free some space, or name another folder with --baselines."}
	}
	return nil
}
