package ingest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness/metrickit"
)

// opener opens a source from its beginning.
type opener func() (io.ReadCloser, error)

// walk sends the payloads of a file, of the files below a folder, or of standard input. What cannot be read is sent as a
// problem; an error says that the intake has ended.
func (in *intake) walk(ctx context.Context, source string, out *batcher) error {
	if source == "-" {
		return standardInput(in.Stdin, in.Folder, out)
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return out.add(reading{source: path, problem: err})
		case entry.IsDir():
			return nil
		}
		return oneFile(path, out)
	})
	if err != nil && ctx.Err() == nil {
		return out.add(reading{source: source, problem: err})
	}
	return err
}

func oneFile(path string, out *batcher) error {
	file, err := os.Open(path)
	if err != nil {
		return out.add(reading{source: path, problem: err})
	}
	defer file.Close()
	_, err = split(path, file, func() (io.ReadCloser, error) { return os.Open(path) }, out)
	return err
}

// standardInput sends the payloads of standard input. It cannot be read twice, so it is copied into folder for the case
// that it is too large to be read as payloads.
func standardInput(from io.Reader, folder string, out *batcher) error {
	const source = "standard input"
	err := os.MkdirAll(folder, 0o755)
	if err != nil {
		return out.add(reading{source: source, problem: err})
	}
	spool, err := os.CreateTemp(folder, ".input-*")
	if err != nil {
		return out.add(reading{source: source, problem: err})
	}
	os.Remove(spool.Name()) // the open file lives on until it is closed
	tooLarge, err := split(source, io.TeeReader(from, spool), func() (io.ReadCloser, error) { return rest(spool, from) }, out)
	if !tooLarge { // otherwise who keeps it closes it
		_ = spool.Close() // a copy that nobody needs
	}
	return err
}

// rest copies what is left of a stream behind what was copied of it, and goes back to the beginning.
func rest(spool *os.File, from io.Reader) (io.ReadCloser, error) {
	if _, err := io.Copy(spool, from); err != nil {
		return spool, err
	}
	_, err := spool.Seek(0, io.SeekStart)
	return spool, err
}

// split sends each payload of a source; again opens it from its beginning, to be kept where it is too large.
func split(source string, from io.Reader, again opener, out *batcher) (tooLarge bool, err error) {
	count := 0
	err = metrickit.Split(from, func(raw []byte, problem error) error {
		count++
		return out.add(reading{source: source, raw: raw, problem: problem})
	})
	switch {
	case errors.Is(err, metrickit.ErrTooLarge):
		err = out.add(reading{source: source, problem: err, large: again})
		return err == nil, err
	case err != nil:
		return false, out.add(reading{source: source, problem: err})
	case count == 0:
		return false, out.add(reading{source: source, problem: errors.New("it contains no payload")})
	}
	return false, nil
}
