package iphone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/install"
)

// Where things lie in the app's container.
const (
	benchFolder  = "Documents/bench"
	buildMarker  = benchFolder + "/build.json"
	modelsFolder = benchFolder + "/models"
	launchedDir  = benchFolder + "/launched"
)

// installLimit bounds an installation: unpacking and verifying a large app takes a phone a minute or two.
const installLimit = 15 * time.Minute

// Prepare installs the build and copies the model where the phone has others.
func (h *Handle) Prepare(ctx context.Context, build harness.Build, model harness.Model, progress func(harness.Progress)) (
	harness.Prepared, error,
) {
	if progress == nil {
		progress = func(harness.Progress) {}
	}
	var done harness.Prepared
	app, err := h.checkBuild(build)
	if err != nil {
		return done, err
	}
	progress(harness.Progress{Step: "checking the installed app"})
	if done.BuildInstalled, err = h.ensureBuild(ctx, build, app, progress); err != nil {
		return done, h.fail("install app", err)
	}
	began := h.options.Clock.Now()
	if done.ModelPushed, done.PushedBytes, err = h.ensureModel(ctx, build, model, progress); err != nil {
		return done, h.fail("copy model", err)
	}
	if done.ModelPushed {
		done.PushSeconds = h.options.Clock.Now().Sub(began).Seconds()
	}
	if done.FirstEver, err = h.neverLaunched(ctx, build, model); err != nil {
		return done, h.fail("copy model", err)
	}
	return done, nil
}

// checkBuild looks into the .ipa before the phone is asked anything.
func (h *Handle) checkBuild(build harness.Build) (appbundle.App, error) {
	wrong := func(err error, hint string) (appbundle.App, error) {
		return appbundle.App{}, &harness.Error{Kind: harness.KindBuild, Op: "read app " + build.Path, Device: label(h.device), Err: err,
			Hint: hint}
	}
	app, err := appbundle.Read(build.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return wrong(err, "Build the app, or name the right .ipa.")
	case err != nil:
		return wrong(err, "Build the app again.")
	case build.BundleID != "" && app.BundleID != build.BundleID:
		return wrong(fmt.Errorf("its bundle id is %s, the build's %s", app.BundleID, build.BundleID), "Name the .ipa of that build.")
	case len(app.Platforms) > 0 && !slices.Contains(app.Platforms, "iPhoneOS") && slices.Contains(app.Platforms, "iPhoneSimulator"):
		return wrong(errors.New("it is a build for the simulator"), "Build the app for a device (destination generic/platform=iOS).")
	}
	if app.MinimumOS != "" {
		if need, parseErr := parseVersion(app.MinimumOS); parseErr == nil && slices.Compare(need[:], h.version[:]) > 0 {
			return wrong(
				fmt.Errorf("it needs iOS %s, the phone has %s", app.MinimumOS, h.device.OSVersion),
				"Update the phone, or lower the app's deployment target.",
			)
		}
	}
	if build.Hash == "" {
		return wrong(errors.New("the build has no hash"), "")
	}
	hash, err := appbundle.Hash(build.Path)
	if err != nil {
		return wrong(err, "Check that the .ipa can be read.")
	}
	if hash != build.Hash {
		return wrong(
			fmt.Errorf("its SHA-256 is %s, not the build's %s", hash, build.Hash), "The file has changed since the run was planned. Run again.",
		)
	}
	return app, nil
}

// marker is build.json: which build lies under the app's name, and where the phone had put it. Each installation gets a
// place of its own, so that a build that someone else installed over ours is noticed.
type marker struct {
	Hash     string `json:"hash"`
	Revision string `json:"revision"`
	Build    string `json:"build"` // CFBundleVersion
	Path     string `json:"path"`
}

// ensureBuild installs the build unless the phone has it. It reports whether it did.
func (h *Handle) ensureBuild(ctx context.Context, build harness.Build, app appbundle.App, progress func(harness.Progress)) (bool, error) {
	installed, err := h.lookUp(ctx, app.BundleID)
	if err != nil {
		return false, err
	}
	if installed != nil {
		have, markerErr := h.readMarker(ctx, app.BundleID)
		if markerErr != nil {
			return false, markerErr
		}
		if have != nil && *have == (marker{build.Hash, build.Revision, installed.Build, installed.Path}) {
			return false, nil
		}
	}
	if err = h.install(ctx, build, progress); err != nil {
		return false, err
	}
	installed, err = h.lookUp(ctx, app.BundleID)
	if err != nil {
		return true, err
	}
	if installed == nil {
		return true, errors.New("the phone reports success, but does not have the app")
	}
	return true, h.writeMarker(ctx, app.BundleID, marker{build.Hash, build.Revision, installed.Build, installed.Path})
}

func (h *Handle) lookUp(ctx context.Context, bundleID string) (found *install.Installed, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askLimit)
	defer cancel()
	err = h.service(ctx, install.ProxyService, func(conn net.Conn) (err error) {
		found, err = install.Lookup(ctx, conn, bundleID)
		return err
	})
	return found, err
}

func (h *Handle) install(ctx context.Context, build harness.Build, progress func(harness.Progress)) error {
	h.dropFiles()
	ctx, cancel := context.WithTimeoutCause(ctx, installLimit, fmt.Errorf("the installation took longer than %v", installLimit))
	defer cancel()
	h.log.Info("installing app", "build", build.Hash, "revision", build.Revision)
	return h.service(ctx, install.ConduitService, func(conn net.Conn) error {
		steps := make(chan harness.Progress, 1) // Send counts on a goroutine of its own
		sent := make(chan error, 1)
		go func() {
			sent <- install.Send(ctx, conn, build.Path, func(done, total int64) {
				select {
				case steps <- harness.Progress{Step: "installing app", Done: done, Total: total}:
				default:
				}
			})
		}()
		for {
			select {
			case p := <-steps:
				progress(p)
			case err := <-sent:
				return err
			}
		}
	})
}

// readMarker is nil for an app without one, or with one that cannot be read.
func (h *Handle) readMarker(ctx context.Context, bundleID string) (found *marker, err error) {
	err = h.withFiles(ctx, bundleID, func(files *afc.Client) error {
		text, readErr := files.ReadFile(ctx, buildMarker, 64<<10)
		var m marker
		if readErr == nil && json.Unmarshal(text, &m) == nil {
			found = &m
		}
		if afc.IsNotFound(readErr) {
			return nil
		}
		return readErr
	})
	return found, err
}

// writeMarker records the installed build. What an earlier one had launched counts no longer.
func (h *Handle) writeMarker(ctx context.Context, bundleID string, m marker) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return h.withFiles(ctx, bundleID, func(files *afc.Client) error {
		if err := files.RemoveAll(ctx, launchedDir); err != nil {
			return err
		}
		if err := files.MkdirAll(ctx, benchFolder); err != nil {
			return err
		}
		return files.WriteFile(ctx, buildMarker, text)
	})
}

// launchMark names the file that says that this build has been launched with this model. It outlives the harness, so
// that a first launch is told from a later one even after a crash of the host.
func launchMark(build harness.Build, model harness.Model) string {
	short := func(hash string) string { return hash[:min(16, len(hash))] }
	return launchedDir + "/" + short(build.Hash) + "-" + short(model.Hash)
}

func (h *Handle) neverLaunched(ctx context.Context, build harness.Build, model harness.Model) (never bool, err error) {
	err = h.withFiles(ctx, build.BundleID, func(files *afc.Client) error {
		_, statErr := files.Stat(ctx, launchMark(build, model))
		if never = afc.IsNotFound(statErr); never {
			return nil
		}
		return statErr
	})
	return never, err
}

// markLaunched records that this build has been launched with this model.
func (h *Handle) markLaunched(ctx context.Context, build harness.Build, model harness.Model) error {
	return h.withFiles(ctx, build.BundleID, func(files *afc.Client) error {
		if err := files.MkdirAll(ctx, launchedDir); err != nil {
			return err
		}
		return files.WriteFile(ctx, launchMark(build, model), []byte("{}\n"))
	})
}
