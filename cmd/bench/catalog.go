package main

import (
	"io/fs"
	"os"
	"path/filepath"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/configs"
	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
)

// dataFlag declares where runs are kept.
func dataFlag(flags *flag.FlagSet) *string {
	return flags.String("data", "bench-data", "`folder` for the database, reports and models")
}

// dataFolder is the folder that the flag and the settings name.
func dataFolder(_ Env, folder string) string { return folder }

func configsFlag(flags *flag.FlagSet) *string {
	return flags.String("configs", "", "`folder` with devices, models, scenarios, policies and claims (default ./configs where there is one, else what is built in)")
}

// loadCatalog reads the configuration that a person means: the folder named, the one at hand, or the built-in copy.
func loadCatalog(folder string) (harness.Catalog, error) {
	var files fs.FS = configs.Files
	switch {
	case folder != "":
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return harness.Catalog{}, harness.UsageError("read configuration", "Name a folder that holds devices, models, scenarios and policies.", "%s is no folder", folder)
		}
		files = os.DirFS(folder)
	default:
		if info, err := os.Stat(filepath.Join("configs", "scenarios")); err == nil && info.IsDir() {
			files = os.DirFS("configs")
		}
	}
	return config.Load(files)
}
