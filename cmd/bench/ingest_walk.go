package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness/metrickit"
)

// walk sends the payloads of a file, of the files below a folder, or of standard input.
func walk(ctx context.Context, env Env, source, folder string, out *batcher) {
	if source == "-" {
		standardInput(ctx, env.Stdin, folder, out)
		return
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			out.add(reading{source: path, problem: err})
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			out.add(reading{source: path, problem: err})
			return nil
		}
		defer file.Close()
		split(ctx, path, file, func() (io.ReadCloser, error) { return os.Open(path) }, out)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		out.add(reading{source: source, problem: err})
	}
}

// standardInput sends the payloads of standard input. It cannot be read twice, so it is copied into folder for the case
// that it is too large to be read as payloads.
func standardInput(ctx context.Context, from io.Reader, folder string, out *batcher) {
	const source = "standard input"
	err := os.MkdirAll(folder, 0o755)
	if err != nil {
		out.add(reading{source: source, problem: err})
		return
	}
	spool, err := os.CreateTemp(folder, ".input-*")
	if err != nil {
		out.add(reading{source: source, problem: err})
		return
	}
	os.Remove(spool.Name()) // the open file lives on until it is closed
	tooLarge := split(ctx, source, io.TeeReader(from, spool), func() (io.ReadCloser, error) {
		if _, err := io.Copy(spool, from); err != nil {
			return spool, err
		}
		_, err := spool.Seek(0, io.SeekStart)
		return spool, err
	}, out)
	if !tooLarge {
		spool.Close()
	}
}

// split sends each payload of a source; again opens it from its beginning, to be kept where it is too large.
func split(ctx context.Context, source string, from io.Reader, again func() (io.ReadCloser, error), out *batcher) (tooLarge bool) {
	count := 0
	err := metrickit.Split(from, func(raw []byte, problem error) error {
		count++
		return out.add(reading{source: source, raw: raw, problem: problem})
	})
	switch {
	case errors.Is(err, metrickit.ErrTooLarge):
		return out.add(reading{source: source, problem: err, large: again}) == nil
	case err != nil:
		out.add(reading{source: source, problem: err})
	case count == 0:
		out.add(reading{source: source, problem: errors.New("no payload in it")})
	}
	return false
}
