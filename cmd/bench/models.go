package main

import (
	"context"
	"fmt"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/reports"
	shipped "github.com/lilims/bench/runtime/models"
)

func modelCommand() command {
	return command{
		name: "model", summary: "add models from the catalogue, list, show, verify and remove them",
		usage: "add|list|show|verify|remove [NAME] [flags]",
		verbs: []command{
			modelAddCommand(),
			{name: "list", summary: "list the installed models and those of the catalogue that can be added", usage: "[--json]",
				setup: setupListModels},
			{name: "show", summary: "show size, context, perplexity, source and licence of a model", usage: "NAME [--json]",
				setup: setupShowModel},
			{name: "verify", summary: "check every file of a model against its manifest", usage: "NAME [--json]", setup: setupVerifyModel},
			{name: "remove", summary: "remove a model that was added, but not its source files", usage: "NAME",
				setup: setupRemoveModel},
		},
	}
}

// modelFlags say where models are.
type modelFlags struct{ configs, data *string }

func declareModelFlags(flags *flag.FlagSet) modelFlags {
	return modelFlags{configsFlag(flags), dataFlag(flags)}
}

func (f modelFlags) store(env Env) (modelstore.Store, error) {
	catalog, err := loadCatalog(*f.configs)
	return modelsOf(env, catalog, dataFolder(env, *f.data)), err
}

// named finds the one model that a verb's arguments name.
func (f modelFlags) named(env Env, verb string, rest []string) (modelstore.Place, error) {
	word, err := modelWord(verb, rest)
	if err != nil {
		return modelstore.Place{}, err
	}
	models, err := f.store(env)
	if err != nil {
		return modelstore.Place{}, err
	}
	return models.Locate(verb, word)
}

// modelWord is the one model that is named.
func modelWord(verb string, rest []string) (string, error) {
	if len(rest) != 1 {
		return "", harness.UsageError("model "+verb, "Name it as bench model list does.", "expected one model, not %d", len(rest))
	}
	return rest[0], nil
}

// modelsOf are the models of a data folder, of a catalogue and of the program itself.
func modelsOf(env Env, catalog harness.Catalog, data string) modelstore.Store {
	return modelstore.Store{Data: data, Program: env.Executable, Catalog: catalog,
		Shipped: modelstore.Shipped{Path: shipped.Path, Files: shipped.Files}}
}

func setupListModels(flags *flag.FlagSet) action {
	f := declareModelFlags(flags)
	asJSON := flags.Bool("json", false, "print the list as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		if err := noArguments("model list", rest); err != nil {
			return 0, err
		}
		models, err := f.store(env)
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.ModelsJSON(env.Stdout, models.List())
		}
		return exitOK, reports.Models(env.Stdout, models.List())
	}
}

func setupShowModel(flags *flag.FlagSet) action {
	f := declareModelFlags(flags)
	asJSON := flags.Bool("json", false, "print the model's manifest as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		place, err := f.named(env, "show", rest)
		if err != nil {
			return 0, err
		}
		m, err := place.Manifest()
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.ModelJSON(env.Stdout, place.String(), m)
		}
		return exitOK, reports.Model(env.Stdout, place.String(), m)
	}
}

func setupVerifyModel(flags *flag.FlagSet) action {
	f := declareModelFlags(flags)
	asJSON := flags.Bool("json", false, "print the model's size and hash as JSON")
	return func(_ context.Context, env Env, rest []string) (int, error) {
		place, err := f.named(env, "verify", rest)
		if err != nil {
			return 0, err
		}
		model, err := place.Read()
		if err != nil {
			return 0, err
		}
		if *asJSON {
			return exitOK, reports.VerifiedModelJSON(env.Stdout, place.String(), model)
		}
		return exitOK, reports.VerifiedModel(env.Stdout, place.String(), model)
	}
}

func setupRemoveModel(flags *flag.FlagSet) action {
	f := declareModelFlags(flags)
	return func(_ context.Context, env Env, rest []string) (int, error) {
		word, err := modelWord("remove", rest)
		if err != nil {
			return 0, err
		}
		models, err := f.store(env)
		if err != nil {
			return 0, err
		}
		folder, err := models.Remove(word)
		if err != nil {
			return 0, err
		}
		_, err = fmt.Fprintf(env.Stdout, "removed %s; its source files remain in %s\n", folder, models.Downloads())
		return exitOK, err
	}
}
