package main

import (
	"os"

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
	return flags.String("configs", "", "`folder` whose devices, models, scenarios, policies and claims add to the built-in ones, "+
		"and override those of the same name (default ./configs where there is one)")
}

// loadCatalog reads what is built in, and over it the folder that is named or, without one, ./configs.
func loadCatalog(folder string) (harness.Catalog, error) {
	if folder == "" {
		if !config.HoldsEntries(os.DirFS("configs")) {
			return config.Load(configs.Files)
		}
		folder = "configs"
	}
	const hint = "Name a folder that holds devices, models, scenarios, policies or claims."
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return harness.Catalog{}, harness.UsageError("read configuration", hint, "%s is not a folder", folder)
	}
	if !config.HoldsEntries(os.DirFS(folder)) {
		return harness.Catalog{}, harness.UsageError("read configuration", hint, "%s holds none of the catalogue's folders", folder)
	}
	return config.Load(configs.Files, os.DirFS(folder))
}
