package apps

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Names of the services.
const (
	ProxyService   = "com.apple.mobile.installation_proxy"
	ConduitService = "com.apple.streaming_zip_conduit"
	ArrestService  = "com.apple.mobile.house_arrest"
)

// Proxy is the service installation_proxy: it lists apps, installs what lies on the phone already, and removes.
type Proxy struct {
	Library *Library
	Media   *os.Root // where hosts put packages
	Faults  *faults.Script
	Post    func(notification string)
}

// Notifications that the phone posts.
const (
	installedNote   = "com.apple.mobile.application_installed"
	uninstalledNote = "com.apple.mobile.application_uninstalled"
)

// Serve answers requests until the host leaves.
func (p *Proxy) Serve(ctx context.Context, conn net.Conn) error {
	frames := plistio.New(conn)
	return frames.Serve(func(request plistio.Dict) error { return p.answer(ctx, frames, request) })
}

func (p *Proxy) answer(ctx context.Context, frames *plistio.Conn, request plistio.Dict) error {
	if f, hit := p.Faults.Take(ProxyService, faults.Reply); hit {
		return refuse(frames, &Failure{f.Error, "scripted fault"})
	}
	options := request.Dict("ClientOptions")
	switch request.String("Command") {
	case "Browse":
		return p.browse(frames, options)
	case "Lookup":
		return p.lookup(frames, options)
	case "Install", "Upgrade":
		return p.install(ctx, frames, request)
	case "Uninstall":
		return p.uninstall(frames, request)
	case "CheckCapabilitiesMatch":
		return frames.Send(map[string]any{"Status": "Complete", "LookupResult": true})
	default:
		return refuse(frames, &Failure{"UnknownCommand", "unknown command " + request.String("Command")})
	}
}

func refuse(frames *plistio.Conn, f *Failure) error {
	return frames.Send(map[string]any{"Error": f.Code, "ErrorDescription": f.Text})
}

func (p *Proxy) browse(frames *plistio.Conn, options plistio.Dict) error {
	var list []any
	for _, entry := range p.entries(options) {
		list = append(list, entry)
	}
	const page = 20
	for at := 0; at < len(list); at += page {
		part := list[at:min(at+page, len(list))]
		if err := frames.Send(map[string]any{
			"Status": "BrowsingApplications", "CurrentIndex": at, "CurrentAmount": len(part), "CurrentList": part,
		}); err != nil {
			return err
		}
	}
	return frames.Send(map[string]any{"Status": "Complete"})
}

func (p *Proxy) lookup(frames *plistio.Conn, options plistio.Dict) error {
	wanted := options.Strings("BundleIDs")
	result := map[string]any{}
	for _, entry := range p.entries(options) {
		id, _ := entry["CFBundleIdentifier"].(string)
		if !options.Has("BundleIDs") || slices.Contains(wanted, id) {
			result[id] = entry
		}
	}
	return frames.Send(map[string]any{"Status": "Complete", "LookupResult": result})
}

// entries describes the apps that the options ask for.
func (p *Proxy) entries(options plistio.Dict) []map[string]any {
	kind := options.String("ApplicationType")
	var all []map[string]any
	if kind == "" || kind == "Any" || kind == "User" {
		for _, a := range p.Library.List() {
			all = append(all, describe(a))
		}
	}
	if kind == "" || kind == "Any" || kind == "System" {
		all = append(all, systemApps()...)
	}
	attributes := options.Strings("ReturnAttributes")
	if len(attributes) == 0 {
		return all
	}
	for _, entry := range all {
		for key := range entry {
			if !slices.Contains(attributes, key) && key != "CFBundleIdentifier" {
				delete(entry, key)
			}
		}
	}
	return all
}

// describe gives an app's Info.plist with what the phone adds to it.
func describe(a App) map[string]any {
	entry := map[string]any{}
	for k, v := range a.Info {
		entry[k] = v
	}
	for k, v := range map[string]any{
		"ApplicationType":              "User",
		"CFBundleIdentifier":           a.BundleID,
		"CFBundleDisplayName":          a.Name,
		"CFBundleExecutable":           a.Executable,
		"Path":                         a.Path(),
		"Container":                    a.DataPath(),
		"EnvironmentVariables":         map[string]any{"HOME": a.DataPath(), "CFFIXED_USER_HOME": a.DataPath(), "TMPDIR": a.DataPath() + "/tmp"},
		"Entitlements":                 map[string]any{"application-identifier": "VIRTUAL000." + a.BundleID, "get-task-allow": true},
		"IsAppClip":                    false,
		"ProfileValidated":             true,
		"SignerIdentity":               "Apple Development: virtual (VIRTUAL000)",
		"SequenceNumber":               1,
		"UIFileSharingEnabled":         a.FileSharing,
		"UIRequiredDeviceCapabilities": []string{"arm64"},
	} {
		entry[k] = v
	}
	return entry
}

// systemApps are two that every phone has, so that lists by kind differ.
func systemApps() []map[string]any {
	app := func(id, name, version string) map[string]any {
		return map[string]any{
			"ApplicationType": "System", "CFBundleIdentifier": id, "CFBundleName": name, "CFBundleDisplayName": name,
			"CFBundleExecutable": name, "CFBundleVersion": version, "CFBundleShortVersionString": version,
			"Path": "/Applications/" + name + ".app", "UIFileSharingEnabled": false,
		}
	}
	return []map[string]any{app("com.apple.Preferences", "Preferences", "1.0"), app("com.apple.mobilesafari", "MobileSafari", "1.0")}
}

// install takes a package from the media folder: an .ipa, or a .app folder.
func (p *Proxy) install(ctx context.Context, frames *plistio.Conn, request plistio.Dict) error {
	var broken error // a host that has gone does not stop the installation
	progress := func(status string, percent int) {
		if broken == nil {
			broken = frames.Send(map[string]any{"Status": status, "PercentComplete": percent})
		}
	}
	progress("CreatingStagingDirectory", 5)
	app, err := p.installPackage(ctx, request.String("PackagePath"), progress)
	if err != nil {
		return refuse(frames, failureOf(err))
	}
	p.Post(installedNote)
	progress("GeneratingApplicationMap", 90)
	if broken != nil {
		return broken
	}
	return frames.Send(map[string]any{"Status": "Complete", "CFBundleIdentifier": app.BundleID})
}

func (p *Proxy) installPackage(ctx context.Context, name string, progress Progress) (App, error) {
	local := path.Clean("/" + strings.TrimPrefix(name, "/private/var/mobile/Media"))[1:]
	if local == "" {
		return App{}, fail(missingPackage, "no PackagePath")
	}
	file, err := p.Media.Open(local)
	if errors.Is(err, fs.ErrNotExist) {
		return App{}, fail(missingPackage, "%s is not on the phone", name)
	}
	if err != nil {
		return App{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return App{}, err
	}
	if info.IsDir() {
		folder, err := fs.Sub(p.Media.FS(), local)
		if err != nil {
			return App{}, err
		}
		return p.Library.InstallFolder(ctx, folder, local, progress)
	}
	return p.Library.InstallArchive(ctx, file, info.Size(), progress)
}

func (p *Proxy) uninstall(frames *plistio.Conn, request plistio.Dict) error {
	id := request.String("ApplicationIdentifier")
	if err := frames.Send(map[string]any{"Status": "RemovingApplication", "PercentComplete": 50}); err != nil {
		return err
	}
	// Removing what is not there succeeds on a phone too.
	var f *Failure
	if err := p.Library.Remove(id); err != nil && !(errors.As(err, &f) && f.Code == lookupFailed) {
		return refuse(frames, failureOf(err))
	}
	p.Post(uninstalledNote)
	return frames.Send(map[string]any{"Status": "Complete"})
}
