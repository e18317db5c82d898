package ingest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// keepWhole copies a source that is too large for a row beside the database, named by its hash. The name is known when
// all is written, so the copy is made under another and renamed.
func (in *intake) keepWhole(r *reading) error {
	fail := func(err error) error {
		return &harness.Error{Kind: harness.KindStorage, Op: "keep " + r.source, Err: err,
			Hint: "Free some space, or choose another folder with --data."}
	}
	if err := os.MkdirAll(in.Folder, 0o755); err != nil {
		return fail(err)
	}
	from, err := r.large()
	if from != nil {
		defer from.Close()
	}
	if err != nil {
		return fail(err)
	}
	to, err := os.CreateTemp(in.Folder, ".payload-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(to.Name())
	t, sum := r.taken(in.Clock.Now()), sha256.New()
	if t.Size, err = io.Copy(io.MultiWriter(to, sum), from); err != nil {
		return fail(errors.Join(err, to.Close()))
	}
	if err := to.Close(); err != nil {
		return fail(err)
	}
	t.Raw, t.Hash = nil, [32]byte(sum.Sum(nil))
	if err := os.Rename(to.Name(), filepath.Join(in.Folder, fmt.Sprintf("%x.json", t.Hash))); err != nil {
		return fail(err)
	}
	r.kept = store.Pack(t)
	return nil
}
