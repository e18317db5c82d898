package main

import (
	"context"
	"maps"
	"slices"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/reports"
)

func configCommand() command {
	return command{
		name: "config", summary: "show the settings in force and the catalogue",
		example: "bench config show\nbench config list\nbench config dump",
		verbs: []command{
			{name: "show", summary: "list every setting with its value and where it comes from", usage: "[--json]",
				example: "bench config show\nBENCH_DATA=lab bench config show --json", setup: configShow},
			{name: "list", summary: "list the devices, models, scenarios, policies and claims of the catalogue", usage: "[--json]",
				example: "bench config list", setup: configList},
			{name: "dump", summary: "print the whole catalogue as JSON", usage: "",
				example: "bench config dump -o catalogue.json", setup: configDump},
		},
	}
}

func configShow(flags *flag.FlagSet) action {
	asJSON := flags.Bool("json", false, "print the settings as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := noArguments("config show", rest); err != nil {
			return 0, err
		}
		all := env.Settings.All()
		if *asJSON {
			return exitOK, reports.Indented(env.Stdout, map[string]any{"schema": 1, "settings": all})
		}
		rows := [][]string{{"SETTING", "VALUE", "SOURCE"}}
		for _, s := range all {
			rows = append(rows, []string{s.Name, s.Text(), s.Source})
		}
		return exitOK, reports.Columns(env.Stdout, rows)
	}
}

func configList(flags *flag.FlagSet) action {
	configs := configsFlag(flags)
	asJSON := flags.Bool("json", false, "print the names as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := noArguments("config list", rest); err != nil {
			return 0, err
		}
		catalog, err := loadCatalog(*configs)
		if err != nil {
			return 0, err
		}
		kinds := catalogueNames(catalog)
		if *asJSON {
			out := map[string]any{"schema": 1}
			for _, k := range kinds {
				out[k.kind] = k.names
			}
			return exitOK, reports.Indented(env.Stdout, out)
		}
		rows := [][]string{{"KIND", "NAME"}}
		for _, k := range kinds {
			for _, name := range k.names {
				rows = append(rows, []string{k.kind, name})
			}
		}
		return exitOK, reports.Columns(env.Stdout, rows)
	}
}

// kindNames are the entries of one folder of the catalogue.
type namesOfKind struct {
	kind  string
	names []string
}

func catalogueNames(c harness.Catalog) []namesOfKind {
	return []namesOfKind{
		{"devices", slices.Sorted(maps.Keys(c.Devices))},
		{"models", slices.Sorted(maps.Keys(c.Models))},
		{"scenarios", slices.Sorted(maps.Keys(c.Scenarios))},
		{"policies", slices.Sorted(maps.Keys(c.Policies))},
		{"claims", slices.Sorted(maps.Keys(c.Claims))},
	}
}

func configDump(flags *flag.FlagSet) action {
	configs := configsFlag(flags)
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := noArguments("config dump", rest); err != nil {
			return 0, err
		}
		catalog, err := loadCatalog(*configs)
		if err != nil {
			return 0, err
		}
		return exitOK, reports.Indented(env.Stdout, struct {
			Schema int `json:"schema"`
			harness.Catalog
		}{1, catalog})
	}
}
