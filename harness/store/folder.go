package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
)

// File is where the database of a data folder lies.
func File(data string) string { return filepath.Join(data, "bench.sqlite") }

// PayloadFolder is where payloads of a data folder lie that are too large for a row of its database.
func PayloadFolder(data string) string { return filepath.Join(data, "payloads") }

// OpenRecorded opens a data folder's database to read from it. It makes none: a typing mistake in the folder's name should
// not leave an empty one behind.
func OpenRecorded(ctx context.Context, data string) (*Store, error) {
	path := File(data)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, harness.UsageError(
			"open database", "Make a run first, or name the data folder with --data or BENCH_DATA.", "there is no %s", path,
		)
	}
	return Open(ctx, path)
}
