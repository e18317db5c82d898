package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/store"
)

// exportMetricKit writes every payload that is kept into folder, as it came, in a file named by the SHA-256 of its bytes: a
// file that is there already is the same. One that was too large for a row is copied from beside the database.
func exportMetricKit(ctx context.Context, env Env, data, folder string, rest []string) (int, error) {
	if len(rest) > 0 {
		return 0, harness.UsageError("export", "Leave the run out: payloads speak of a day, not of a run.", "payloads are of no run")
	}
	if folder == "-" {
		return 0, harness.UsageError("export", "Name a folder with -o FOLDER.", "payloads are written into a folder")
	}
	recorder, err := store.OpenRecorded(ctx, data)
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return 0, err
	}
	written, missing := 0, 0
	err = recorder.EachTaken(ctx, func(p harness.Taken) error {
		name := fmt.Sprintf("%x.json", p.Hash)
		if p.Raw != nil {
			written++
			return os.WriteFile(filepath.Join(folder, name), p.Raw, 0o644)
		}
		err := copyWhole(filepath.Join(data, "payloads", name), filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) { // a session's own copy is the only one
			missing++
			fmt.Fprintf(env.Stderr, "bench: export: %s (%d bytes) lies in no file\n", p.Source, p.Size)
			return nil
		}
		if err == nil {
			written++
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(env.Stderr, "%d payloads in %s, %d not written\n", written, folder, missing)
	return exitOK, nil
}

func copyWhole(from, to string) error {
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
		target.Close()
		return err
	}
	return target.Close()
}
