package main

import (
	"context"
	"fmt"
	"io"

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
			modelVerb("list", "", "list the installed models and those of the catalogue that can be added", listModels),
			modelVerb("show", "NAME", "show size, context, perplexity, source and licence of a model", showModel),
			modelVerb("verify", "NAME", "check every file of a model against its manifest", verifyModel),
			modelVerb("remove", "NAME", "remove a model that was added, but not its source files", removeModel),
		},
	}
}

// modelVerb is a command that works on the models there are. usage is the word that it takes; "": none.
func modelVerb(name, usage, summary string, do func(env Env, models modelstore.Store, word string) error) command {
	return command{
		name: name, summary: summary, usage: usage,
		setup: func(flags *flag.FlagSet) action {
			configs, data := configsFlag(flags), dataFlag(flags)
			return func(_ context.Context, env Env, rest []string) (int, error) {
				word, err := modelWord(name, usage, rest)
				if err != nil {
					return 0, err
				}
				catalog, err := loadCatalog(*configs)
				if err != nil {
					return 0, err
				}
				return exitOK, do(env, modelsOf(env, catalog, dataFolder(env, *data)), word)
			}
		},
	}
}

// modelWord is the one model that is named, where the verb takes one.
func modelWord(verb, usage string, rest []string) (string, error) {
	if usage == "" {
		return "", noArguments("model "+verb, rest)
	}
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

func listModels(env Env, models modelstore.Store, _ string) error {
	rows := [][]string{{"MODEL", "SIZE", "PRECISION", "CONTEXT", "PERPLEXITY", "AGAINST FP16", "WHERE"}}
	for _, e := range models.List() {
		rows = append(rows, modelRow(e))
	}
	return reports.Columns(env.Stdout, rows)
}

func modelRow(e modelstore.Entry) []string {
	switch {
	case e.Offered && e.FetchBytes > 0:
		return []string{e.Name, megabytes(e.FetchBytes) + " to fetch", "", "", "", "", "bench model add " + e.Name}
	case e.Offered:
		return []string{e.Name, "", "", "", "", "", "bench model add " + e.Name}
	case e.Err != nil:
		return []string{e.Name, "", "", "", "", "", fmt.Sprintf("%s (unreadable: %v)", e.Place, e.Err)}
	}
	perplexity, loss := "", ""
	if own := e.Manifest.Measured(); own != nil {
		perplexity = fmt.Sprintf("%.3f", *own.Perplexity)
		if own.Loss != nil {
			loss = fmt.Sprintf("%+.2f %%", 100**own.Loss)
		}
	}
	return []string{e.Name, megabytes(e.Manifest.Size()), e.Manifest.Quantization, fmt.Sprint(e.Manifest.Context), perplexity, loss,
		e.Place.String()}
}

func showModel(env Env, models modelstore.Store, word string) error {
	place, err := models.Locate("show", word)
	if err != nil {
		return err
	}
	m, err := place.Manifest()
	if err != nil {
		return err
	}
	return printManifest(env.Stdout, place.String(), m)
}

func verifyModel(env Env, models modelstore.Store, word string) error {
	place, err := models.Locate("verify", word)
	if err != nil {
		return err
	}
	model, err := place.Read()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "%s is intact: %s, hash %s\n", place, megabytes(model.SizeBytes), model.Hash)
	return err
}

func removeModel(env Env, models modelstore.Store, word string) error {
	folder, err := models.Remove(word)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(env.Stdout, "removed %s; its source files remain in %s\n", folder, models.Downloads())
	return err
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func printManifest(w io.Writer, where string, m modelstore.Manifest) error {
	rows := [][]string{
		{"model", fmt.Sprintf("%s %s, %s, %s", m.Name, m.Version, m.Family, m.Quantization)},
		{"where", where},
		{"size", megabytes(m.Size())},
		{"context", fmt.Sprintf("%d tokens, %s of cache", m.Context, megabytes(m.CacheBytes()))},
	}
	if m.Layout != "" {
		rows = append(rows, []string{"layout", m.Layout})
	}
	for _, e := range m.Evaluation {
		rows = append(rows, []string{"perplexity", evaluationText(e)})
	}
	if len(m.Evaluation) == 0 {
		rows = append(rows, []string{"perplexity", "not measured"})
	}
	rows = append(rows, []string{"source", m.Source.What}, []string{"licence", m.Licence}, []string{"hash", m.Hash})
	return reports.Columns(w, rows)
}

func evaluationText(e modelstore.Evaluation) string {
	if e.Perplexity == nil {
		return "not measured"
	}
	out := fmt.Sprintf("%.4f in %s over %d tokens of %s, by %s", *e.Perplexity, e.Precision, e.Tokens, e.Corpus, e.By)
	if e.Loss != nil {
		out += fmt.Sprintf(": %+.2f %% against fp16", 100**e.Loss)
	}
	if e.Accepted != "" {
		out += " (accepted: " + e.Accepted + ")"
	}
	if e.DecodeTokS != nil {
		out += fmt.Sprintf("; %.1f tok/s on this host", *e.DecodeTokS)
	}
	return out
}
