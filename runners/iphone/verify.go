package iphone

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
)

const (
	// readBackWhole is the size up to which a copied file is compared byte by byte where the phone gives no digest.
	// Of larger ones the ends and a sample between are compared: an interrupted or misplaced write shows there.
	readBackWhole = 64 << 20
	sampleBytes   = 1 << 20
	samples       = 16
)

// verify compares the phone's file with the host's: by size, then by the phone's own digest where it has one, else by
// reading back. A file that differs is removed, so that the next attempt sends it anew.
func (p *push) verify(ctx context.Context, c *afc.Client, f file) error {
	target := path.Join(p.to, f.Name)
	info, err := c.Stat(ctx, target)
	if err != nil {
		return err
	}
	equal := info.Size == f.Size
	if equal {
		if equal, err = p.equal(ctx, c, f, target); err != nil {
			return err
		}
	}
	if equal {
		return nil
	}
	if err := c.RemoveAll(ctx, target); err != nil {
		return err
	}
	return &harness.Error{Kind: harness.KindDevice, Op: "copy model", Device: label(p.handle.device),
		Err: fmt.Errorf(
			"%s differs on the phone after it was copied; it was removed there", f.Name,
		), Hint: "Run again. If it happens twice, change the cable."}
}

func (p *push) equal(ctx context.Context, c *afc.Client, f file, target string) (bool, error) {
	local, err := os.Open(filepath.Join(p.from, filepath.FromSlash(f.Name)))
	if err != nil {
		return false, &afc.SourceError{Err: err}
	}
	defer local.Close()
	theirs, err := c.SHA1(ctx, target)
	if err == nil {
		h := sha1.New()
		if _, err = io.Copy(h, local); err != nil {
			return false, &afc.SourceError{Err: err}
		}
		if bytes.Equal(h.Sum(nil), theirs) {
			return true, nil
		} // else it may be another digest than assumed: the bytes decide
	} else if lost(err) {
		return false, err
	}
	remote, err := c.Open(ctx, target, afc.Read)
	if err != nil {
		return false, err
	}
	equal := true
	for _, span := range spans(f.Size) {
		same, err := compare(ctx, remote, local, span)
		if err != nil {
			return false, err
		}
		equal = equal && same
	}
	return equal, remote.Close(ctx)
}

// span is a part of a file.
type span struct{ at, size int64 }

// spans are the parts that are read back: all of a small file, and of a large one the ends and a sample between.
func spans(size int64) []span {
	if size <= readBackWhole {
		return []span{{0, size}}
	}
	out := make([]span, samples)
	for i := range out {
		out[i] = span{int64(i) * ((size - sampleBytes) / (samples - 1)), sampleBytes}
	}
	out[samples-1].at = size - sampleBytes
	return out
}

// compare reads a part from both sides.
func compare(ctx context.Context, remote *afc.File, local io.ReaderAt, part span) (bool, error) {
	if err := remote.Seek(ctx, part.at); err != nil {
		return false, err
	}
	check := &comparer{with: io.NewSectionReader(local, part.at, part.size)}
	if err := remote.Stream(ctx, check, part.size); err != nil {
		return false, err
	}
	if check.err != nil {
		return false, &afc.SourceError{Err: check.err}
	}
	return !check.differs, nil
}

// comparer compares what is written to it with a reader.
type comparer struct {
	with    io.Reader
	differs bool
	err     error
	buffer  []byte
}

func (c *comparer) Write(b []byte) (int, error) {
	if len(c.buffer) < len(b) {
		c.buffer = make([]byte, len(b))
	}
	if _, err := io.ReadFull(c.with, c.buffer[:len(b)]); err != nil && c.err == nil {
		c.err = err
	}
	c.differs = c.differs || !bytes.Equal(b, c.buffer[:len(b)])
	return len(b), nil
}
