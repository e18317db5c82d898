// Package apps is what is installed on the virtual iPhone: app bundles, their containers, and the services by which a
// host installs, lists and removes them and reaches into a container. In come .ipa archives, folders and streamed
// archives, out go bundles whose executable runs on this host. It never runs one.
package apps

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/lilims/bench/virtualiphone/internal/disk"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Folders of the phone's own file system, as hosts are told.
const (
	bundleRoot    = "/private/var/containers/Bundle/Application/"
	containerRoot = "/private/var/mobile/Containers/Data/Application/"
)

// App is an installed app.
type App struct {
	BundleID    string
	Name        string // CFBundleDisplayName, CFBundleName or the bundle's own
	Version     string // CFBundleShortVersionString
	Build       string // CFBundleVersion
	Executable  string // CFBundleExecutable
	Folder      string // "BenchApp.app"
	Info        plistio.Dict
	BundleUUID  string
	DataUUID    string
	FileSharing bool // UIFileSharingEnabled: hosts may reach Documents

	bundle    string // folders on this host
	container string
}

// Program is the executable on this host.
func (a App) Program() string { return filepath.Join(a.bundle, a.Executable) }

// Bundle is the .app folder on this host.
func (a App) Bundle() string { return a.bundle }

// Container is the app's data container on this host.
func (a App) Container() string { return a.container }

// Path is the bundle as the phone names it.
func (a App) Path() string { return bundleRoot + a.BundleUUID + "/" + a.Folder }

// DataPath is the container as the phone names it.
func (a App) DataPath() string { return containerRoot + a.DataUUID }

// Failure is an installation error as installd names it, with a text for people.
type Failure struct{ Code, Text string }

func (f *Failure) Error() string { return f.Code + ": " + f.Text }

// Installation errors.
const (
	verificationFailed = "ApplicationVerificationFailed"
	extractionFailed   = "PackageExtractionFailed"
	inspectionFailed   = "PackageInspectionFailed"
	lookupFailed       = "ApplicationLookupFailed"
	missingPackage     = "MissingPackagePath"
	notEnoughSpace     = "InsufficientStorage"
	genericFailure     = "APIInternalError"
)

func fail(code, format string, args ...any) error {
	return &Failure{code, fmt.Sprintf(format, args...)}
}

// failureOf returns err as a Failure; what is none of installd's own becomes an internal error.
func failureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if errors.Is(err, disk.ErrFull) {
		return &Failure{notEnoughSpace, err.Error()}
	}
	return &Failure{genericFailure, err.Error()}
}

// Library is the installed apps of one phone. It is safe for concurrent use.
type Library struct {
	dir     string
	storage *disk.Disk
	log     *slog.Logger
	// Replaced is called before an app's bundle is exchanged or removed, so that its processes can be ended.
	replaced func(bundleID string)

	mu   sync.Mutex
	apps map[string]App
}

// Open reads what is installed below dir. Unfinished installations of an earlier program are removed.
func Open(dir string, storage *disk.Disk, replaced func(bundleID string), log *slog.Logger) (*Library, error) {
	l := &Library{dir: dir, storage: storage, log: log, replaced: replaced, apps: map[string]App{}}
	for _, sub := range []string{"bundles", "containers"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("apps: %w", err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, "bundles"))
	if err != nil {
		return nil, fmt.Errorf("apps: %w", err)
	}
	for _, e := range entries {
		folder := filepath.Join(dir, "bundles", e.Name())
		app, err := l.load(e.Name())
		_, twice := l.apps[app.BundleID]
		if err != nil || twice {
			log.Warn("unfinished installation removed", "folder", folder, "err", err)
			os.RemoveAll(folder)
			continue
		}
		l.apps[app.BundleID] = app
	}
	return l, nil
}

const recordName = "installed.plist"

// load reads an installed bundle: its record, written last, and its Info.plist.
func (l *Library) load(uuid string) (App, error) {
	folder := filepath.Join(l.dir, "bundles", uuid)
	text, err := os.ReadFile(filepath.Join(folder, recordName))
	if err != nil {
		return App{}, err
	}
	record, err := plistio.Decode(text)
	if err != nil {
		return App{}, err
	}
	app, err := inspect(filepath.Join(folder, record.String("Folder")))
	if err != nil {
		return App{}, err
	}
	app.BundleUUID, app.DataUUID = uuid, record.String("DataUUID")
	app.container = filepath.Join(l.dir, "containers", app.DataUUID)
	return app, nil
}

// Find returns the app with that bundle id.
func (l *Library) Find(bundleID string) (App, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	app, ok := l.apps[bundleID]
	return app, ok
}

// List returns the installed apps by bundle id.
func (l *Library) List() []App {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []App
	for _, a := range l.apps {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b App) int { return strings.Compare(a.BundleID, b.BundleID) })
	return out
}

// Remove uninstalls an app with its container.
func (l *Library) Remove(bundleID string) error {
	app, ok := l.Find(bundleID)
	if !ok {
		return fail(lookupFailed, "%s is not installed", bundleID)
	}
	l.replaced(bundleID)
	l.mu.Lock()
	delete(l.apps, bundleID)
	l.mu.Unlock()
	return errors.Join(os.RemoveAll(filepath.Dir(app.bundle)), os.RemoveAll(app.container))
}
