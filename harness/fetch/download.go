package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	attempts    = 5                // in a row without a byte, until a source is given up
	firstPause  = time.Second      // before the second attempt; doubled each time
	longestWait = 2 * time.Minute  // that a server may ask for
	silence     = 60 * time.Second // without a byte, until a connection is taken for dead
	agentName   = "lilims-bench"
)

// statusError is an answer that is no file.
type statusError struct {
	code  int
	after time.Duration // how long the server asks to wait; 0: it does not say
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.code, http.StatusText(e.code))
}

// passing reports whether the same request may be answered later.
func (e *statusError) passing() bool {
	return e.code == http.StatusRequestTimeout || e.code == http.StatusTooManyRequests || e.code >= 500
}

// noRoomError is a file that cannot fit, told before it is begun.
type noRoomError struct{ needs, free int64 }

func (e *noRoomError) Error() string {
	return fmt.Sprintf("it needs %d more bytes, the disk has %d", e.needs, e.free)
}

// download brings what a URL gives into the folder and returns the path of the part file, whole. An earlier attempt is
// gone on from where the server still has the same file.
func (f *Fetcher) download(ctx context.Context, name, from, shownAs string) (string, error) {
	d := &transfer{Fetcher: f, name: name, url: from, path: filepath.Join(f.Folder, name+".part")}
	d.shown = from
	if shownAs != "" {
		d.shown = shownAs
	}
	pause := firstPause
	for failed := 0; ; {
		before := size(d.path)
		err := d.attempt(ctx)
		if err == nil {
			os.Remove(d.path + ".json")
			return d.path, nil
		}
		var status *statusError
		known := errors.As(err, &status)
		if ctx.Err() != nil || isFull(err) || known && !status.passing() || isLocal(err) || isUnknownHost(err) {
			return "", err
		}
		if size(d.path) > before {
			failed, pause = 0, firstPause
		}
		if failed++; failed >= attempts {
			return "", fmt.Errorf("%w (%d attempts)", err, failed)
		}
		wait := pause
		pause *= 2
		if known && status.after > 0 {
			wait = min(status.after, longestWait)
		}
		f.tell(Progress{File: name, Source: d.shown, Note: fmt.Sprintf("%v; again in %v", err, wait)})
		if err := f.Clock.Sleep(ctx, wait); err != nil {
			return "", err
		}
	}
}

// isLocal tells a failure of this host's disk, which no further attempt mends.
func isLocal(err error) bool {
	var path *os.PathError
	return errors.As(err, &path)
}

// isUnknownHost tells a name that no address is known of. Where there is no network at all it is the first thing that
// fails, and the next source may be at hand.
func isUnknownHost(err error) bool {
	var lookup *net.DNSError
	return errors.As(err, &lookup) && lookup.IsNotFound
}

// transfer is one URL on its way into one file.
type transfer struct {
	*Fetcher
	name, url, shown, path string
}

// origin is what a part file is a part of.
type origin struct {
	URL       string `json:"url"`
	Validator string `json:"validator"` // a strong ETag or a Last-Modified: the same file has the same
}

func (d *transfer) attempt(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	have, known := d.begun()
	request, err := d.request(ctx, have, known)
	if err != nil {
		return err
	}
	response, err := d.Client.Do(request)
	if err != nil {
		return plain(err)
	}
	defer response.Body.Close()
	whole := false
	switch response.StatusCode {
	case http.StatusOK:
		have = 0 // the server begins anew
	case http.StatusPartialContent:
		if first := rangeStart(response.Header); first != have {
			os.Remove(d.path)
			return fmt.Errorf("the server gives bytes from %d on, not from %d", first, have)
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if whole = have > 0 && rangeTotal(response.Header) == have; !whole {
			os.Remove(d.path)
			return errors.New("the server's file is shorter than what was fetched of it")
		}
	default:
		return &statusError{response.StatusCode, retryAfter(response.Header, d.Clock.Now())}
	}
	if whole {
		return nil
	}
	return d.receive(ctx, cancel, response, have)
}

// begun says how much of the file is there from an attempt before, and what it is a part of.
func (d *transfer) begun() (int64, origin) {
	var known origin
	text, err := os.ReadFile(d.path + ".json")
	if err != nil || json.Unmarshal(text, &known) != nil || known.URL != d.url {
		os.Remove(d.path)
		return 0, origin{}
	}
	return size(d.path), known
}

func (d *transfer) request(ctx context.Context, have int64, known origin) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", agentName)
	request.Header.Set("Accept-Encoding", "identity") // a range of a compressed file is no part of it
	if have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		if known.Validator != "" {
			request.Header.Set("If-Range", known.Validator)
		}
	}
	if token := d.Getenv("HF_TOKEN"); token != "" && isHub(request.URL.Hostname()) {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// isHub keeps the token from everybody else.
func isHub(host string) bool {
	return host == "huggingface.co" || strings.HasSuffix(host, ".huggingface.co")
}

// receive writes a body behind the bytes that are there.
func (d *transfer) receive(ctx context.Context, cancel context.CancelCauseFunc, response *http.Response, have int64) error {
	total := int64(0)
	if response.ContentLength >= 0 {
		total = have + response.ContentLength
		if left, ok := free(d.Folder); ok && response.ContentLength > left {
			return &noRoomError{response.ContentLength, left}
		}
	}
	note, err := json.Marshal(origin{d.url, validator(response.Header)})
	if err != nil {
		return err
	}
	if err = os.WriteFile(d.path+".json", note, 0o644); err != nil {
		return err
	}
	file, err := os.OpenFile(d.path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Truncate(have); err != nil {
		return err
	}
	if _, err := file.Seek(have, io.SeekStart); err != nil {
		return err
	}
	counted := &counter{done: have}
	stop := d.watch(ctx, cancel, &counted.moved)
	defer stop()
	counted.told = func(done int64) { d.tell(Progress{File: d.name, Source: d.shown, Done: done, Total: total}) }
	if _, err := io.Copy(io.MultiWriter(file, counted), response.Body); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return plain(err)
	}
	return file.Close()
}

// watch ends a transfer that no byte comes from for a time.
func (d *transfer) watch(ctx context.Context, cancel context.CancelCauseFunc, moved *atomic.Bool) (stop func()) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-d.Clock.After(silence):
				if !moved.Swap(false) {
					cancel(fmt.Errorf("no byte came for %v", silence))
					return
				}
			}
		}
	}()
	return func() { close(done) }
}

// counter tells of every megabyte.
type counter struct {
	done, said int64
	moved      atomic.Bool
	told       func(done int64)
}

func (c *counter) Write(p []byte) (int, error) {
	c.moved.Store(true)
	c.done += int64(len(p))
	if c.done-c.said >= 1<<20 {
		c.said = c.done
		c.told(c.done)
	}
	return len(p), nil
}

// validator is what tells one version of a file from another: If-Range wants a strong ETag, or a date.
func validator(header http.Header) string {
	if tag := header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return tag
	}
	return header.Get("Last-Modified")
}

// rangeStart reads "bytes 5-9/10"; -1 when there is no such thing.
func rangeStart(header http.Header) int64 {
	span, ok := strings.CutPrefix(header.Get("Content-Range"), "bytes ")
	first, _, found := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !ok || !found || err != nil {
		return -1
	}
	return start
}

// rangeTotal reads "bytes */10"; -1 when there is no such thing.
func rangeTotal(header http.Header) int64 {
	_, last, found := strings.Cut(header.Get("Content-Range"), "/")
	total, err := strconv.ParseInt(last, 10, 64)
	if !found || err != nil {
		return -1
	}
	return total
}

// retryAfter reads seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// plain takes the URL out of an error: the caller says which source it was, and a URL may hold a password.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("%s: %w", op.Op, op.Err)
	}
	return err
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
