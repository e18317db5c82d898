package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"howett.net/plist"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/simulated"
)

// defaultBuild is what runs where no --build is given: what `make` has put beside the program.
func defaultBuild(env Env, kind string) string {
	if kind == runnerSimulated {
		return "" // nothing is launched
	}
	name, variable := "BenchApp.ipa", "BENCH_IPA"
	if kind == runnerLocal {
		name, variable = "bench-agent", "BENCH_AGENT"
	}
	if named := env.Getenv(variable); named != "" {
		return named
	}
	return filepath.Join(filepath.Dir(env.Executable), name)
}

// readBuild describes an app build for a kind of runner.
func readBuild(env Env, kind, file string, arm harness.Arm) (harness.Build, error) {
	if kind == runnerSimulated {
		return readSimulatedBuild(env, file, arm), nil
	}
	fail := func(err error, hint string) (harness.Build, error) {
		return harness.Build{}, &harness.Error{Kind: harness.KindBuild, Op: "read build " + file, Err: err, Hint: hint}
	}
	hash, err := hashFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return fail(errors.New("there is no such file"), "Build it (`make build`), or name another with --build.")
	}
	if err != nil {
		return fail(err, "Name a readable file with --build.")
	}
	absolute, err := filepath.Abs(file)
	if err != nil {
		return fail(err, "Name the file by its whole path.")
	}
	build := harness.Build{Arm: arm, Path: absolute, Hash: hash, Revision: env.Revision, Configuration: "Release"}
	if kind == runnerLocal {
		build.BundleID, build.Version = "org.lilims.bench.local", version
		return build, nil
	}
	if err := readInfo(absolute, &build); err != nil {
		return fail(err, "Name an .ipa that Xcode has exported for iOS, or `bench app` has packed for a virtual iPhone.")
	}
	return build, nil
}

// readSimulatedBuild describes a build that is never launched: a file or just a name, which tells two builds apart.
// Words such as speed=0.85 in the name, or in the file's first line, make it slower or faster on the simulated device.
func readSimulatedBuild(env Env, file string, arm harness.Arm) harness.Build {
	identity := []byte(file)
	if text, err := os.ReadFile(file); err == nil { // a name that is no file is as good
		identity = text
	}
	line, _, _ := bytes.Cut(identity, []byte("\n"))
	digest := sha256.Sum256(identity)
	return harness.Build{Arm: arm, BundleID: "org.lilims.simulated." + string(arm), Version: version, Revision: env.Revision,
		Configuration: simulated.Configuration("Release", string(line)), Hash: "simulated-" + hex.EncodeToString(digest[:8])}
}

func hashFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// infoLimit bounds an Info.plist in bytes; real ones have a few thousand.
const infoLimit = 1 << 20

// readInfo takes bundle id, version, revision and configuration from an .ipa's Info.plist. Whether the app suits the
// phone is the runner's business.
func readInfo(file string, build *harness.Build) error {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("it is no .ipa: %w", err)
	}
	defer archive.Close()
	for _, f := range archive.File {
		if ok, err := path.Match("Payload/*.app/Info.plist", f.Name); err != nil || !ok {
			continue
		}
		reader, err := f.Open()
		if err != nil {
			return err
		}
		defer reader.Close()
		text, err := io.ReadAll(io.LimitReader(reader, infoLimit))
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		var info struct {
			BundleID      string `plist:"CFBundleIdentifier"`
			Version       string `plist:"CFBundleShortVersionString"`
			Number        string `plist:"CFBundleVersion"`
			Revision      string `plist:"LilimsRevision"`
			Configuration string `plist:"LilimsConfiguration"`
		}
		if _, err := plist.Unmarshal(text, &info); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		if info.BundleID == "" {
			return fmt.Errorf("%s names no bundle identifier", f.Name)
		}
		build.BundleID, build.Version, build.Number, build.Revision, build.Configuration = info.BundleID, info.Version, info.Number, info.Revision, info.Configuration
		if build.Revision == "" {
			build.Revision = "unknown"
		}
		return nil
	}
	return errors.New("it is no .ipa: it holds no Payload/*.app/Info.plist")
}
