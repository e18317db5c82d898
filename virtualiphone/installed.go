package virtualiphone

import (
	"context"
	"fmt"
	"io"

	"github.com/lilims/bench/virtualiphone/process"
)

// Install puts an .ipa of that many bytes on the phone as its installer would, without a host: for tests of clients that
// expect an app to be there. Package bundle makes such archives. An app of the same bundle id is replaced, its container
// kept. The error's text is what the phone would tell a host.
func (p *Phone) Install(ctx context.Context, ipa io.ReaderAt, size int64) error {
	_, err := p.library.InstallArchive(ctx, ipa, size, func(string, int) {})
	if err != nil {
		return &Error{Kind: KindUsage, Op: "install app", Phone: p.name, Err: err}
	}
	return nil
}

// Apps lists the installed apps by bundle id.
func (p *Phone) Apps() []process.App {
	var out []process.App
	for _, a := range p.library.List() {
		out = append(out, process.App{BundleID: a.BundleID, Name: a.Name, Version: a.Version, Build: a.Build, Path: a.Path()})
	}
	return out
}

// Container is an installed app's data container on this host.
func (p *Phone) Container(bundleID string) (string, error) {
	app, ok := p.library.Find(bundleID)
	if !ok {
		return "", fmt.Errorf("%s is not installed on %s", bundleID, p.name)
	}
	return app.Container(), nil
}
