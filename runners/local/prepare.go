package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/lilims/bench/harness"
)

// Prepare copies the executable where this runner keeps builds and looks whether the model is there.
func (h *handle) Prepare(ctx context.Context, build harness.Build, model harness.Model, progress func(harness.Progress)) (
	harness.Prepared, error,
) {
	var p harness.Prepared
	if err := ctx.Err(); err != nil {
		return p, err
	}
	if _, err := os.Stat(filepath.Join(model.Path, "manifest.json")); err != nil {
		return p, &harness.Error{
			Kind: harness.KindModel, Op: "look at model " + model.Name, Err: err, Hint: "Convert or download the model first.",
		}
	}
	hash, err := h.hashOf(build)
	if err != nil {
		return p, err
	}
	agent := h.agent(hash)
	if _, err = os.Stat(agent); errors.Is(err, os.ErrNotExist) {
		progress(harness.Progress{Step: "installing app"})
		if err = install(build.Path, agent, hash); err != nil {
			return p, err
		}
		p.BuildInstalled = true
	} else if err != nil {
		return p, storage("install app", err)
	}
	_, err = os.Stat(h.launchMark(hash, model))
	p.FirstEver = errors.Is(err, os.ErrNotExist)
	return p, nil
}

// hashOf is the build's hash as given, or computed. A build that is not there is an error even when its copy is.
func (h *handle) hashOf(build harness.Build) (string, error) {
	info, err := os.Stat(build.Path)
	if err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		err = fmt.Errorf("%s is not an executable", build.Path)
	}
	if err != nil {
		return "", &harness.Error{
			Kind: harness.KindBuild, Op: "install app", Err: err, Hint: "Build the agent (make build), or name one with --build.",
		}
	}
	if build.Hash != "" {
		return build.Hash, nil
	}
	file, err := os.Open(build.Path)
	if err != nil {
		return "", &harness.Error{Kind: harness.KindBuild, Op: "install app", Err: err}
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", &harness.Error{Kind: harness.KindBuild, Op: "install app", Err: err}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (h *handle) agent(hash string) string {
	return filepath.Join(h.Dir, "builds", filepath.Base(hash), "agent")
}

func (h *handle) launchMark(hash string, model harness.Model) string {
	return filepath.Join(h.Dir, "launched", filepath.Base(hash)+"-"+filepath.Base(model.Hash))
}

// install copies an executable and checks what it copied. Other processes see it whole or not at all.
func install(from, to, hash string) error {
	broken := func(err error) error {
		return &harness.Error{Kind: harness.KindBuild, Op: "install app", Err: err, Hint: "Build the agent again."}
	}
	source, err := os.Open(from)
	if err != nil {
		return broken(err)
	}
	defer source.Close()
	if err = os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return storage("install app", err)
	}
	target, err := renameio.NewPendingFile(to, renameio.WithTempDir(filepath.Dir(to)), renameio.WithStaticPermissions(0o755))
	if err != nil {
		return storage("install app", err)
	}
	defer func() { _ = target.Cleanup() }()
	sum := sha256.New()
	if _, err = io.Copy(io.MultiWriter(target, sum), source); err != nil {
		return storage("install app", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return broken(fmt.Errorf("%s has the hash %s, the build says %s", from, got, hash))
	}
	if err := target.CloseAtomicallyReplace(); err != nil {
		return storage("install app", err)
	}
	return nil
}
