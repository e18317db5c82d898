package appbundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/lilims/bench/harness"
)

// UnknownRevision stands for the revision of a build that does not say it.
const UnknownRevision = "unknown"

var errNoFile = errors.New("there is no such file")

const whichArchive = "Name an .ipa that Xcode has exported for iOS, or `bench app pack` has made for a virtual iPhone."

// Inspect reads all that an .ipa says, with its hash. Errors are of kind build.
func Inspect(file string) (App, error) {
	app, err := Read(file)
	if err == nil {
		app.Hash, err = Hash(file)
	}
	if errors.Is(err, os.ErrNotExist) {
		err = errNoFile
	}
	if err != nil {
		return App{}, fail("read app "+file, err, whichArchive)
	}
	return app, nil
}

// Archive describes the build in an .ipa. Errors are of kind build.
func Archive(file string, arm harness.Arm) (harness.Build, error) {
	build, err := describe(file, arm)
	if err != nil {
		return harness.Build{}, err
	}
	app, err := Read(file)
	if err != nil {
		return harness.Build{}, fail("read build "+file, err, whichArchive)
	}
	build.BundleID, build.Version, build.Number, build.Configuration = app.BundleID, app.Version, app.Number, app.Configuration
	if build.Revision = app.Revision; build.Revision == "" {
		build.Revision = UnknownRevision
	}
	return build, nil
}

// Executable describes a build that runs as a process of this host. It says nothing of itself: version and revision are
// those of the program that was built with it. Errors are of kind build.
func Executable(file string, arm harness.Arm, version, revision string) (harness.Build, error) {
	build, err := describe(file, arm)
	if err != nil {
		return harness.Build{}, err
	}
	build.BundleID, build.Version, build.Revision, build.Configuration = "org.lilims.bench.local", version, revision, "Release"
	return build, nil
}

// describe gives what identifies any file as a build.
func describe(file string, arm harness.Arm) (harness.Build, error) {
	op := "read build " + file
	hash, err := Hash(file)
	if errors.Is(err, os.ErrNotExist) {
		return harness.Build{}, fail(op, errNoFile, "Build it (`make build`), or name another with --build.")
	}
	if err != nil {
		return harness.Build{}, fail(op, err, "Name a readable file with --build.")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return harness.Build{}, fail(op, err, "Name the file by its whole path.")
	}
	return harness.Build{Arm: arm, Path: absolute, Hash: hash}, nil
}

// Hash is the SHA-256 of a file, in hexadecimal digits: what identifies a build.
func Hash(file string) (string, error) {
	opened, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer opened.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, opened); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

func fail(op string, err error, hint string) error {
	return &harness.Error{Kind: harness.KindBuild, Op: op, Err: err, Hint: hint}
}
