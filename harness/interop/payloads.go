package interop

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
)

// Payloads are the MetricKit payloads that were ingested.
type Payloads interface {
	EachTaken(ctx context.Context, yield func(harness.Taken) error) error
}

// WritePayloads writes every payload that is kept into a folder, as it came, in a file named by the SHA-256 of its bytes:
// a file that is there already is the same. One that was too large for a row of the database is copied from beside it;
// one that lies there neither, since a session's own copy is the only one, is given to missing and not counted.
func WritePayloads(ctx context.Context, kept Payloads, beside, folder string, missing func(harness.Taken)) (written int, err error) {
	if err = os.MkdirAll(folder, 0o755); err != nil {
		return 0, unwritten(folder, err)
	}
	err = kept.EachTaken(ctx, func(p harness.Taken) error {
		failed := writePayload(p, beside, folder)
		switch {
		case errors.Is(failed, fs.ErrNotExist):
			missing(p)
		case failed != nil:
			return unwritten(folder, failed)
		default:
			written++
		}
		return nil
	})
	return written, err
}

// writePayload writes one payload. It is an error of kind fs.ErrNotExist that its bytes are neither here nor beside the
// database.
func writePayload(p harness.Taken, beside, folder string) error {
	name := fmt.Sprintf("%x.json", p.Hash)
	if p.Raw != nil {
		return os.WriteFile(filepath.Join(folder, name), p.Raw, 0o644)
	}
	return copyFile(filepath.Join(beside, name), filepath.Join(folder, name))
}

func unwritten(folder string, err error) error {
	return &harness.Error{Kind: harness.KindStorage, Op: "write payloads to " + folder, Err: err,
		Hint: "Free some space, or name another folder with --output."}
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := target.ReadFrom(source); err != nil {
		return errors.Join(err, target.Close())
	}
	return target.Close()
}
