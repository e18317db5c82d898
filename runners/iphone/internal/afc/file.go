package afc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	afcwire "github.com/danielpaulus/go-ios/ios/afc"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

// Mode is how a file is opened.
type Mode uint64

const (
	Read    = Mode(afcwire.Afc_Mode_RDONLY)
	Replace = Mode(afcwire.Afc_Mode_WRONLY) // creates or empties
	Update  = Mode(afcwire.Afc_Mode_RW)     // must exist, keeps what is in it
)

// File is an open file. It dies with its client.
type File struct {
	c      *Client
	handle uint64
	path   string
}

// Open opens a file.
func (c *Client) Open(ctx context.Context, path string, mode Mode) (*File, error) {
	a, err := c.call(ctx, "open "+path, afcwire.Afc_operation_file_open, append(words(uint64(mode)), cstring(path)...))
	if err != nil {
		return nil, err
	}
	handle, err := a.value()
	if err != nil || a.op != afcwire.Afc_operation_file_open_result {
		return nil, fmt.Errorf("open %s: the phone gave no handle", path)
	}
	return &File{c, handle, path}, nil
}

// Close closes the file; what was written is then on the phone.
func (f *File) Close(ctx context.Context) error {
	_, err := f.c.call(ctx, "close "+f.path, afcwire.Afc_operation_file_close, words(f.handle))
	return err
}

// Seek goes to an offset from the beginning.
func (f *File) Seek(ctx context.Context, offset int64) error {
	_, err := f.c.call(ctx, "seek in "+f.path, opSeek, words(f.handle, io.SeekStart, uint64(offset)))
	return err
}

// Next reads at most max bytes from where the file stands. At the end it returns none and no error: a growing file is
// asked again.
func (f *File) Next(ctx context.Context, max int) ([]byte, error) {
	a, err := f.c.call(ctx, "read "+f.path, afcwire.Afc_operation_file_read, words(f.handle, uint64(max)))
	if errors.Is(err, StatusEndOfData) {
		return nil, nil
	}
	return a.data, err
}

// Stream reads size bytes from where the file stands into w, with several requests on their way.
func (f *File) Stream(ctx context.Context, w io.Writer, size int64) error {
	requests := int((size + chunk - 1) / chunk)
	left := size
	err := f.c.pipeline(ctx, requests, func(int) ([]byte, []byte, uint64) {
		return words(f.handle, chunk), nil, afcwire.Afc_operation_file_read
	}, func(_ int, a answer) error {
		if want := min(left, chunk); int64(len(a.data)) != want {
			return fmt.Errorf("%d bytes where %d were due", len(a.data), want)
		}
		left -= int64(len(a.data))
		_, err := w.Write(a.data)
		return err
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", f.path, err)
	}
	return nil
}

// Upload writes r's bytes from offset to size at the place where the file stands. acked is told, in order, up to where
// the phone has taken the bytes: after a break the upload goes on from there.
func (f *File) Upload(ctx context.Context, r io.ReaderAt, offset, size int64, acked func(int64)) error {
	requests := int((size - offset + chunk - 1) / chunk)
	var buffers [window][]byte // a request is made only when the one that used its buffer is answered
	var readErr error
	err := f.c.pipeline(ctx, requests, func(i int) ([]byte, []byte, uint64) {
		at := offset + int64(i)*chunk
		buffer := &buffers[i%len(buffers)]
		if *buffer == nil {
			*buffer = make([]byte, chunk)
		}
		data := (*buffer)[:min(chunk, size-at)]
		if _, err := r.ReadAt(data, at); err != nil && err != io.EOF {
			readErr = err
			return nil, nil, 0
		}
		return words(f.handle), data, afcwire.Afc_operation_file_write
	}, func(i int, _ answer) error {
		acked(min(offset+int64(i+1)*chunk, size))
		return nil
	})
	if readErr != nil {
		return fmt.Errorf("write %s: %w", f.path, &SourceError{readErr})
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// SourceError says that the file on the host could not be read.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return "on this host: " + e.Err.Error() }
func (e *SourceError) Unwrap() error { return e.Err }

// pipeline sends n requests with at most window unanswered, and hands on the answers in order. request returns the
// arguments, data and operation of the i-th; operation 0 ends the pipeline.
func (c *Client) pipeline(
	ctx context.Context, n int, request func(i int) (args, data []byte, op uint64), answered func(i int, a answer) error,
) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	first := c.next
	slots := make(chan struct{}, window)
	sent := make(chan error, 1)
	go func() { sent <- c.sendAll(ctx, n, slots, request) }()
	received := guard.Do(ctx, c.conn, func() error {
		for i := range n {
			if err := c.receiveWithin(first+uint64(i), func(a answer) error { return answered(i, a) }); err != nil {
				return err
			}
			<-slots
		}
		return nil
	})
	if received != nil {
		// What is still on its way cannot be told from later answers: the connection is used up.
		cancel(received)
		c.conn.Close()
	}
	if err := <-sent; err != nil && received == nil {
		c.conn.Close()
		return err
	}
	return received
}

// sendAll sends the requests, each in a free slot.
func (c *Client) sendAll(ctx context.Context, n int, slots chan<- struct{}, request func(i int) ([]byte, []byte, uint64)) error {
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		args, data, op := request(i)
		if op == 0 {
			c.conn.Close()
			return net.ErrClosed
		}
		if _, err := c.send(op, args, data); err != nil {
			return err
		}
	}
	return nil
}

// receiveWithin waits for one answer, no longer than the stall limit.
func (c *Client) receiveWithin(number uint64, fn func(answer) error) error {
	var a answer
	err := c.within(context.Background(), func() (err error) { a, err = c.receive(number); return err })
	if err != nil {
		return err
	}
	return fn(a)
}

// TooLongError says that a file has more bytes than its reader wanted.
type TooLongError struct {
	Path  string
	Limit int64
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("read %s: longer than %d bytes", e.Path, e.Limit)
}

// ReadFile reads a whole file of at most limit bytes.
func (c *Client) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	f, err := c.Open(ctx, path, Read)
	if err != nil {
		return nil, err
	}
	var out []byte
	for {
		part, err := f.Next(ctx, chunk)
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			return out, f.Close(ctx)
		}
		out = append(out, part...)
		if int64(len(out)) > limit {
			return nil, errors.Join(&TooLongError{Path: path, Limit: limit}, f.Close(ctx))
		}
	}
}

// WriteFile replaces a file; its folder must exist. The file is whole or not there under its name.
func (c *Client) WriteFile(ctx context.Context, path string, text []byte) error {
	part := path + ".part"
	f, err := c.Open(ctx, part, Replace)
	if err != nil {
		return err
	}
	if err := f.Upload(ctx, bytes.NewReader(text), 0, int64(len(text)), func(int64) {}); err != nil {
		return err
	}
	if err := f.Close(ctx); err != nil {
		return err
	}
	return c.Rename(ctx, part, path)
}
