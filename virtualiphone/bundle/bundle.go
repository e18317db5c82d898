// Package bundle packs an executable of this host as an .ipa that the virtual iPhone installs: Payload/<Name>.app with
// an Info.plist and the executable. An app for a real iPhone comes from Xcode and has the same layout. In comes a path
// to an executable, out goes a zip whose bytes depend on its input alone, so that its hash identifies the build.
package bundle

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"howett.net/plist"
)

// App says what goes into the bundle.
type App struct {
	Executable    string // path on this host
	Name          string // "BenchApp": name of the .app and of the executable in it
	BundleID      string // "org.lilims.bench"
	Version       string // CFBundleShortVersionString
	Revision      string // git revision the executable was built from
	Configuration string // "Release" or "Debug"
}

// Pack writes app as an .ipa to w.
func Pack(w io.Writer, app App) error {
	if app.Name == "" || strings.ContainsAny(app.Name, "/\\") {
		return fmt.Errorf("pack app: %q is not a bundle name", app.Name)
	}
	executable, err := os.Open(app.Executable)
	if err != nil {
		return fmt.Errorf("pack app: %w", err)
	}
	defer executable.Close()
	info, err := plist.MarshalIndent(infoPlist(app), plist.XMLFormat, "\t")
	if err != nil {
		return fmt.Errorf("pack app: %w", err)
	}
	folder := "Payload/" + app.Name + ".app/"
	archive := zip.NewWriter(w)
	if err := add(archive, folder+"Info.plist", 0o644, strings.NewReader(string(info))); err != nil {
		return err
	}
	if err := add(archive, folder+app.Name, 0o755, executable); err != nil {
		return err
	}
	return archive.Close()
}

// infoPlist holds the keys that installers and the harness read. LilimsRevision and LilimsConfiguration are ours.
func infoPlist(app App) map[string]any {
	return map[string]any{
		"CFBundleIdentifier":         app.BundleID,
		"CFBundleName":               app.Name,
		"CFBundleExecutable":         app.Name,
		"CFBundlePackageType":        "APPL",
		"CFBundleShortVersionString": app.Version,
		"CFBundleVersion":            "1",
		"CFBundleSupportedPlatforms": []string{runtime.GOOS},
		"MinimumOSVersion":           "16.0",
		"UIFileSharingEnabled":       true,
		"LilimsRevision":             app.Revision,
		"LilimsConfiguration":        app.Configuration,
	}
}

// add writes one entry with a fixed time, so that equal input gives equal bytes.
func add(archive *zip.Writer, name string, mode fs.FileMode, from io.Reader) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(mode)
	entry, err := archive.CreateHeader(header)
	if err != nil {
		return fmt.Errorf("pack app: %s: %w", name, err)
	}
	if _, err := io.Copy(entry, from); err != nil {
		return fmt.Errorf("pack app: %s: %w", name, err)
	}
	return nil
}
