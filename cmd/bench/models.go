package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/reports"
)

func modelCommand() command {
	return command{
		name: "model", summary: "add models from the catalogue, list, show, verify and remove them", usage: "add|list|show|verify|remove [NAME] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var add addFlags
			add.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if len(rest) == 0 {
					return 0, harness.UsageError("model", "Say bench model list.", "what is to be done with models?")
				}
				verb, rest := rest[0], rest[1:]
				if verb == "add" {
					return add.do(ctx, env, rest)
				}
				m := library{env: env, data: dataFolder(env, *add.data), configs: *add.configs}
				switch verb {
				case "list":
					return m.list(rest)
				case "show":
					return m.show(rest)
				case "verify":
					return m.verify(rest)
				case "remove":
					return m.remove(rest)
				}
				return 0, harness.UsageError("model", "There are add, list, show, verify and remove.", "no such verb: %q", verb)
			}
		},
	}
}

// library is the models of a data folder and of the catalogue.
type library struct {
	env     Env
	data    string
	configs string
}

// list shows what is converted, then what else the catalogue has.
func (l library) list(rest []string) (int, error) {
	if err := noArguments("model list", rest); err != nil {
		return 0, err
	}
	catalog, err := loadCatalog(l.configs)
	if err != nil {
		return 0, err
	}
	rows := [][]string{{"MODEL", "SIZE", "PRECISION", "CONTEXT", "PERPLEXITY", "AGAINST FP16", "WHERE"}}
	for _, folder := range l.folders(catalog) {
		m, err := readManifest(folder)
		if err != nil {
			rows = append(rows, []string{filepath.Base(folder), "", "", "", "", "", fmt.Sprintf("%s (unreadable: %v)", folder, err)})
			continue
		}
		own, loss := m.measured()
		rows = append(rows, []string{m.Name, megabytes(m.size()), m.Quantization, fmt.Sprint(m.Context), own, loss, folder})
	}
	var names []string
	for name, entry := range catalog.Models {
		if len(entry.Files) > 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		size := ""
		if bytes := fetchedBytes(catalog.Models[name]); bytes > 0 {
			size = megabytes(bytes) + " to fetch"
		}
		rows = append(rows, []string{name, size, "", "", "", "", "bench model add " + name})
	}
	return exitOK, reports.Columns(l.env.Stdout, rows)
}

// folders are the models that lie in the repository and in the data folder.
func (l library) folders(catalog harness.Catalog) []string {
	var out []string
	for _, entry := range catalog.Models {
		if entry.Path == "" {
			continue
		}
		if folder, ok := findModel(l.env, entry, l.data); ok {
			out = append(out, folder)
		}
	}
	added, _ := filepath.Glob(filepath.Join(modelsFolder(l.data), "*", "manifest.json"))
	for _, path := range added {
		out = append(out, filepath.Dir(path))
	}
	sort.Strings(out)
	return out
}

func fetchedBytes(entry harness.ModelEntry) int64 {
	var sum int64
	for _, file := range entry.Files {
		if file.Bytes == 0 {
			return 0
		}
		sum += file.Bytes
	}
	return sum
}

// find is the folder that a word means: one of the data folder, of the catalogue, or any with a manifest.
func (l library) find(verb string, rest []string) (string, error) {
	if len(rest) != 1 {
		return "", harness.UsageError("model "+verb, "Name it as bench model list does.", "one model is wanted, not %d", len(rest))
	}
	word := rest[0]
	if strings.ContainsAny(word, `/\`) {
		return word, nil
	}
	catalog, err := loadCatalog(l.configs)
	if err != nil {
		return "", err
	}
	for _, folder := range l.folders(catalog) {
		if strings.EqualFold(filepath.Base(folder), word) {
			return folder, nil
		}
	}
	return "", harness.UsageError("model "+verb, "`bench model list` shows what there is.", "no model is called %q", word)
}

func (l library) show(rest []string) (int, error) {
	folder, err := l.find("show", rest)
	if err != nil {
		return 0, err
	}
	m, err := readManifest(folder)
	if err != nil {
		return 0, err
	}
	return exitOK, printManifest(l.env.Stdout, folder, m)
}

func (l library) verify(rest []string) (int, error) {
	folder, err := l.find("verify", rest)
	if err != nil {
		return 0, err
	}
	model, err := readModel(folder)
	if err != nil {
		return 0, err
	}
	_, err = fmt.Fprintf(l.env.Stdout, "%s is whole: %s, hash %s\n", folder, megabytes(model.SizeBytes), model.Hash)
	return exitOK, err
}

// remove takes a converted model away. What it was made of stays: `bench model add` needs no network to make it again.
func (l library) remove(rest []string) (int, error) {
	folder, err := l.find("remove", rest)
	if err != nil {
		return 0, err
	}
	inside, err := filepath.Rel(modelsFolder(l.data), folder)
	if err != nil || strings.Contains(inside, "..") || strings.ContainsRune(inside, filepath.Separator) {
		return 0, harness.UsageError("model remove", "Only models that were added are removed.", "%s does not lie in %s", folder, modelsFolder(l.data))
	}
	if err := os.RemoveAll(folder); err != nil {
		return 0, &harness.Error{Kind: harness.KindStorage, Op: "remove model", Err: err}
	}
	_, err = fmt.Fprintf(l.env.Stdout, "%s is gone; what it was made of stays in %s\n", folder, filepath.Join(l.data, "downloads"))
	return exitOK, err
}

// addedModel looks for a word among the models that were added: a model's own name, or the catalogue's where there is
// one conversion of it.
func addedModel(data, word string) (folder string, several []string) {
	exact := filepath.Join(modelsFolder(data), word)
	if isFile(filepath.Join(exact, "manifest.json")) {
		return exact, nil
	}
	for _, precision := range precisions {
		for _, form := range []string{precision, precision + "-ane"} {
			if made := exact + "-" + form; isFile(filepath.Join(made, "manifest.json")) {
				several = append(several, word+"-"+form)
				folder = made
			}
		}
	}
	if len(several) == 1 {
		return folder, nil
	}
	return "", several
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// measured is the perplexity of the model itself and what it loses against fp16, as far as they are known.
func (m manifest) measured() (own, loss string) {
	for _, e := range m.Evaluation {
		if e.Precision != m.Quantization || e.Perplexity == nil {
			continue
		}
		own = fmt.Sprintf("%.3f", *e.Perplexity)
		if e.Loss != nil {
			loss = fmt.Sprintf("%+.2f %%", 100**e.Loss)
		}
	}
	return own, loss
}

func printManifest(w io.Writer, folder string, m manifest) error {
	rows := [][]string{
		{"model", fmt.Sprintf("%s %s, %s, %s", m.Name, m.Version, m.Family, m.Quantization)},
		{"where", folder},
		{"size", megabytes(m.size())},
		{"context", fmt.Sprintf("%d tokens, %s of cache", m.Context, megabytes(m.cacheBytes()))},
	}
	if m.Layout != "" {
		rows = append(rows, []string{"layout", m.Layout})
	}
	for _, e := range m.Evaluation {
		rows = append(rows, []string{"perplexity", e.String()})
	}
	if len(m.Evaluation) == 0 {
		rows = append(rows, []string{"perplexity", "not measured"})
	}
	rows = append(rows, []string{"source", m.Source.What}, []string{"licence", m.Licence}, []string{"hash", m.Hash})
	return reports.Columns(w, rows)
}

// printConverted shows a new model, and what the Neural Engine is known to dislike of it.
func printConverted(w io.Writer, folder string, c converted) error {
	if err := printManifest(w, folder, c.Manifest); err != nil {
		return err
	}
	errs := 0
	for _, finding := range c.Lint {
		if finding.Level == "error" {
			errs++
		}
	}
	fmt.Fprintf(w, "lint        %d errors, %d warnings for the Neural Engine\n", errs, len(c.Lint)-errs)
	for _, f := range c.Lint {
		where := f.Function
		if f.Operation != "" {
			where += "/" + f.Operation
		}
		fmt.Fprintf(w, "  %s: %s: %s: %s; %s\n", f.Level, f.Rule, harness.PrintableLine(where), harness.PrintableLine(f.Text), f.Remedy)
	}
	_, err := fmt.Fprintf(w, "measure it  bench run --device DEVICE --model %s\n", c.Manifest.Name)
	return err
}
