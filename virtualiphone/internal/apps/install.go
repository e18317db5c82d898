package apps

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
	"github.com/lilims/bench/virtualiphone/internal/uuid"
)

// maxEntries bounds the files of one archive.
const maxEntries = 100_000

// Progress tells how far an installation has come, in installd's own words.
type Progress func(status string, percent int)

// staging is a bundle on its way in. Whatever happens, finish or abandon ends it.
type staging struct {
	library *Library
	uuid    string
	dir     string
	root    *os.Root // every write goes through it: an archive's names cannot leave the folder
	held    int64    // bytes reserved on the disk
	entries int
}

func (l *Library) stage() (*staging, error) {
	s := &staging{library: l, uuid: uuid.New()}
	s.dir = filepath.Join(l.dir, "bundles", s.uuid)
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, err
	}
	s.root = root
	return s, nil
}

// abandon removes what was staged.
func (s *staging) abandon() {
	_ = s.root.Close()
	os.RemoveAll(s.dir)
	s.library.storage.Release(s.held)
}

// add writes one file or folder of an archive. Sizes are reserved before they are written.
func (s *staging) add(name string, mode fs.FileMode, size int64, from io.Reader) error {
	if s.entries++; s.entries > maxEntries {
		return fail(extractionFailed, "more than %d files", maxEntries)
	}
	clean := path.Clean("/" + name)[1:]
	if clean == "" {
		return nil
	}
	if !filepath.IsLocal(filepath.FromSlash(clean)) || strings.Contains(name, "..") && path.Clean(name) != clean {
		return fail(extractionFailed, "%q leaves the bundle", name)
	}
	if mode.IsDir() {
		return s.root.MkdirAll(clean, 0o755)
	}
	if !mode.IsRegular() {
		return fail(extractionFailed, "%q is neither file nor folder", name)
	}
	if err := s.root.MkdirAll(path.Dir(clean), 0o755); err != nil {
		return err
	}
	if err := s.library.storage.Reserve(size); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.held += size
	file, err := s.root.OpenFile(clean, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode.Perm()|0o644)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(from, size))
	if err = errors.Join(err, file.Close()); err != nil {
		return fail(extractionFailed, "%s: %v", name, err)
	}
	if n != size {
		return fail(extractionFailed, "%s ends after %d of %d bytes", name, n, size)
	}
	return nil
}

// finish checks the staged bundle and makes it the installed one; the container of an older version stays.
func (s *staging) finish(fallbackName string) (App, error) {
	l := s.library
	folder, err := s.bundleFolder(fallbackName)
	if err != nil {
		return App{}, err
	}
	app, err := inspect(filepath.Join(s.dir, folder))
	if err != nil {
		return App{}, err
	}
	// Archives that were streamed carry no modes; a phone marks the executable itself.
	if err := os.Chmod(app.Program(), 0o755); err != nil {
		return App{}, err
	}
	older, upgrade := l.Find(app.BundleID)
	app.BundleUUID, app.DataUUID = s.uuid, uuid.New()
	if upgrade {
		app.DataUUID = older.DataUUID
		l.replaced(app.BundleID)
	}
	app.container = filepath.Join(l.dir, "containers", app.DataUUID)
	for _, sub := range []string{"Documents", "Library/Caches", "Library/Preferences", "tmp"} {
		if err := os.MkdirAll(filepath.Join(app.container, sub), 0o755); err != nil {
			return App{}, err
		}
	}
	if err := s.writeRecord(app, folder); err != nil {
		return App{}, err
	}
	l.mu.Lock()
	l.apps[app.BundleID] = app
	l.mu.Unlock()
	_ = s.root.Close()
	if upgrade {
		os.RemoveAll(filepath.Dir(older.bundle))
	}
	return app, nil
}

// writeRecord comes last: a bundle without it was never finished.
func (s *staging) writeRecord(app App, folder string) error {
	text, err := plistio.Encode(map[string]any{"Folder": folder, "DataUUID": app.DataUUID, "BundleID": app.BundleID})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, recordName), text, 0o644)
}

// bundleFolder finds the .app: in Payload as an .ipa has it, or at the top as a folder that was sent has it. A bare
// bundle's files are gathered in a folder first.
func (s *staging) bundleFolder(fallbackName string) (string, error) {
	for _, parent := range []string{"Payload", "."} {
		entries, err := fs.ReadDir(s.root.FS(), parent)
		if err != nil {
			continue
		}
		var found []string
		for _, e := range entries {
			if e.IsDir() && strings.HasSuffix(e.Name(), ".app") {
				found = append(found, path.Join(parent, e.Name()))
			}
		}
		if len(found) > 1 {
			return "", fail(inspectionFailed, "the archive holds %d apps", len(found))
		}
		if len(found) == 1 {
			return found[0], nil
		}
	}
	if _, err := s.root.Stat("Info.plist"); err != nil || fallbackName == "" {
		return "", fail(inspectionFailed, "the archive holds no Payload/<name>.app")
	}
	return s.gather(strings.TrimSuffix(filepath.Base(fallbackName), ".app") + ".app")
}

func (s *staging) gather(folder string) (string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return "", err
	}
	if err := s.root.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	for _, e := range entries {
		if err := s.root.Rename(e.Name(), path.Join(folder, e.Name())); err != nil {
			return "", err
		}
	}
	return folder, nil
}

// InstallArchive installs an .ipa.
func (l *Library) InstallArchive(ctx context.Context, archive io.ReaderAt, size int64, progress Progress) (App, error) {
	reader, err := zip.NewReader(archive, size)
	if err != nil {
		return App{}, fail(extractionFailed, "the package is no readable .ipa: %v", err)
	}
	s, err := l.stage()
	if err != nil {
		return App{}, err
	}
	progress("ExtractingPackage", 15)
	for _, f := range reader.File {
		if err := ctx.Err(); err != nil {
			s.abandon()
			return App{}, err
		}
		if err := s.addZipped(f); err != nil {
			s.abandon()
			return App{}, err
		}
	}
	return s.conclude("", progress)
}

func (s *staging) addZipped(f *zip.File) error {
	if f.UncompressedSize64 > 1<<40 {
		return fail(extractionFailed, "%s claims %d bytes", f.Name, f.UncompressedSize64)
	}
	if strings.HasSuffix(f.Name, "/") {
		return s.add(f.Name, fs.ModeDir, 0, nil)
	}
	from, err := f.Open()
	if err != nil {
		return fail(extractionFailed, "%s: %v", f.Name, err)
	}
	defer from.Close()
	if err := s.add(f.Name, f.Mode(), int64(f.UncompressedSize64), from); err != nil {
		return err
	}
	// Reading to the end makes the archive's checksum count.
	if _, err := io.Copy(io.Discard, io.LimitReader(from, 1)); err != nil {
		return fail(extractionFailed, "%s: %v", f.Name, err)
	}
	return nil
}

// InstallFolder installs a .app folder that a host has copied to the phone.
func (l *Library) InstallFolder(ctx context.Context, folder fs.FS, name string, progress Progress) (App, error) {
	s, err := l.stage()
	if err != nil {
		return App{}, err
	}
	progress("ExtractingPackage", 15)
	err = fs.WalkDir(folder, ".", func(file string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		from, err := folder.Open(file)
		if err != nil {
			return err
		}
		defer from.Close()
		return s.add(file, info.Mode(), info.Size(), from)
	})
	if err != nil {
		s.abandon()
		return App{}, err
	}
	return s.conclude(name, progress)
}

// conclude verifies and installs what was staged.
func (s *staging) conclude(name string, progress Progress) (App, error) {
	progress("VerifyingApplication", 40)
	app, err := s.finish(name)
	if err != nil {
		s.abandon()
		return App{}, err
	}
	progress("InstallingApplication", 80)
	s.library.log.Info("app installed", "bundle", app.BundleID, "version", app.Version)
	return app, nil
}
