package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/fetch"
)

// precisions are those that the converter knows, fp16 first: the others are held against it.
var precisions = []string{"fp16", "int8", "int4", "palette8", "palette6", "palette4"}

// addFlags is what `bench model add` is asked for.
type addFlags struct {
	precisions words
	layout     string
	context    int
	corpus     string
	texts      int
	reason     string
	from       string
	device     string
	noMeasure  bool
	large      bool
	force      bool
	configs    *string
	data       *string
}

func (f *addFlags) declare(flags *flag.FlagSet) {
	flags.Var(&f.precisions, "quantize", "`precision` of the weights: "+strings.Join(precisions, ", ")+"; repeat the flag for several (default int4, or palette6 for ane)")
	flags.StringVar(&f.layout, "layout", "gpu", "`layout`: gpu (linear layers) or ane (1x1 convolutions)")
	flags.IntVar(&f.context, "context", 0, "cache length in `tokens` (default as the catalogue or the converter says)")
	flags.StringVar(&f.corpus, "corpus", "", "`file` of texts to measure perplexity on, or tinystories (default the project's held-out stories)")
	flags.IntVar(&f.texts, "texts", 0, "score only the first `N` texts of the corpus")
	flags.StringVar(&f.reason, "accept-loss", "", "accept up to 5 % loss of int4, and say why: the `reason` goes into the manifest")
	flags.StringVar(&f.from, "from", "", "a GGUF file or Hugging Face folder at hand, instead of the catalogue's sources: `path`")
	flags.StringVar(&f.device, "for", "", "refuse what cannot fit in the memory of this `device` of the catalogue")
	flags.BoolVar(&f.noMeasure, "no-measure", false, "do not measure what quantisation loses")
	flags.BoolVar(&f.large, "allow-large", false, "allow a package of more than 1 GB")
	flags.BoolVar(&f.force, "force", false, "convert again what is there already")
	f.configs, f.data = configsFlag(flags), dataFlag(flags)
}

// folderOf is where a model of a precision and layout is put.
func (f *addFlags) folderOf(data, name, precision string) string {
	if f.layout == "ane" {
		precision += "-ane"
	}
	return filepath.Join(modelsFolder(data), name+"-"+precision)
}

// modelsFolder holds the models that were added to a data folder.
func modelsFolder(data string) string { return filepath.Join(data, "models") }

func (f *addFlags) do(ctx context.Context, env Env, rest []string) (int, error) {
	if len(rest) != 1 {
		return 0, harness.UsageError("model add", "Say bench model add NAME; bench model list shows what there is.", "one model is wanted, not %d", len(rest))
	}
	catalog, err := loadCatalog(*f.configs)
	if err != nil {
		return 0, err
	}
	if err := f.check(catalog); err != nil {
		return 0, err
	}
	entry := harness.ModelEntry{Name: rest[0]}
	if f.from == "" || catalog.Models[rest[0]].Name != "" {
		if entry, err = config.Find("model", rest[0], catalog.Models); err != nil {
			return 0, err
		}
	}
	if entry.Path != "" && f.from == "" {
		return 0, harness.UsageError("model add", "Use it as it is: bench run --model "+entry.Name+".", "%s is converted already, in %s", entry.Name, entry.Path)
	}
	if entry.Name != filepath.Base(entry.Name) || strings.HasPrefix(entry.Name, ".") {
		return 0, harness.UsageError("model add", "Name it by one word.", "%q is no name for a model", entry.Name)
	}
	data := dataFolder(env, *f.data)
	converter, err := findConverter(env)
	if err != nil {
		return 0, err
	}
	source, err := f.source(ctx, env, data, entry)
	if err != nil {
		return 0, err
	}
	corpus, err := f.corpusFile(ctx, env, data)
	if err != nil {
		return 0, err
	}
	return f.convertAll(ctx, env, data, entry, conversion{converter: converter, source: source, corpus: corpus, memory: catalog.Devices[f.device].MemoryBytes})
}

// check finds mistakes before anything is fetched, and fills in what was left out.
func (f *addFlags) check(catalog harness.Catalog) error {
	if len(f.precisions) == 0 {
		f.precisions = words{"int4"}
		if f.layout == "ane" {
			f.precisions = words{"palette6"}
		}
	}
	for _, precision := range f.precisions {
		if !slices.Contains(precisions, precision) {
			return harness.UsageError("model add", "There are "+strings.Join(precisions, ", ")+".", "no precision is called %q", precision)
		}
	}
	if f.layout != "gpu" && f.layout != "ane" {
		return harness.UsageError("model add", "There are gpu and ane.", "no layout is called %q", f.layout)
	}
	if f.device != "" {
		profile, err := config.Find("device", f.device, catalog.Devices)
		if err != nil {
			return err
		}
		f.device = profile.Name
	}
	return nil
}

// convertAll converts to every precision that was asked for, fp16 first: the others are held against it.
func (f *addFlags) convertAll(ctx context.Context, env Env, data string, entry harness.ModelEntry, c conversion) (int, error) {
	context := f.context
	if context == 0 {
		context = entry.Context
	}
	var base string
	for _, precision := range precisions {
		if !slices.Contains(f.precisions, precision) {
			continue
		}
		c.folder = f.folderOf(data, entry.Name, precision)
		if !f.force && f.isThere(c, precision, context) {
			fmt.Fprintf(env.Stderr, "%s is there already (--force converts it again)\n", c.folder)
			base = c.folder
			continue
		}
		fmt.Fprintf(env.Stderr, "==> %s to %s\n", entry.Name, precision)
		result, err := c.run(ctx, env, f.arguments(entry, precision, context, base))
		if err != nil {
			return 0, err
		}
		base = c.folder
		if err := printConverted(env.Stdout, c.folder, result); err != nil {
			return 0, err
		}
	}
	return exitOK, nil
}

// isThere reports whether the folder holds the same source in the same form, whole.
func (f *addFlags) isThere(c conversion, precision string, context int) bool {
	m, err := readManifest(c.folder)
	if err != nil || m.check(c.folder) != nil {
		return false
	}
	same := m.Quantization == precision && (m.Layout == f.layout) && (context == 0 || m.Context == context)
	return same && c.source.SHA256 != "" && m.Source.SHA256 == c.source.SHA256
}

func (f *addFlags) arguments(entry harness.ModelEntry, precision string, context int, base string) []string {
	out := []string{"--quantize", precision, "--layout", f.layout}
	add := func(name, value string) {
		if value != "" {
			out = append(out, name, value)
		}
	}
	if context > 0 {
		add("--context", fmt.Sprint(context))
	}
	if f.texts > 0 {
		add("--texts", fmt.Sprint(f.texts))
	}
	add("--accept-loss", f.reason)
	add("--licence", entry.Licence)
	if f.noMeasure {
		out = append(out, "--no-measure")
	} else {
		add("--base", base)
	}
	if f.large {
		out = append(out, "--allow-large")
	}
	return out
}

// material is what a model is made of, on this host.
type material struct {
	Path   string
	GGUF   bool
	SHA256 string // of a GGUF file; "" for a folder
}

// source brings what the model is made of.
func (f *addFlags) source(ctx context.Context, env Env, data string, entry harness.ModelEntry) (material, error) {
	if f.from != "" {
		info, err := os.Stat(f.from)
		if err != nil {
			return material{}, harness.UsageError("model add", "Name a GGUF file or a Hugging Face folder.", "--from: %w", err)
		}
		return material{Path: f.from, GGUF: !info.IsDir()}, nil
	}
	folder := filepath.Join(data, "downloads", entry.Name)
	fetcher := newFetcher(env, folder)
	var got fetch.Got
	for _, file := range entry.Files {
		var err error
		if got, err = fetcher.Fetch(ctx, file); err != nil {
			return material{}, err
		}
	}
	if len(entry.Files) == 1 && strings.EqualFold(filepath.Ext(entry.Files[0].Name), ".gguf") {
		return material{Path: got.Path, GGUF: true, SHA256: got.SHA256}, nil
	}
	return material{Path: folder}, nil
}

// tinyStories is the validation split of TinyStories (Eldan and Li 2023, arXiv 2305.07759).
var tinyStories = harness.ModelFile{
	Name:    "TinyStories-valid.txt",
	Sources: []harness.FileSource{{"https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main/TinyStories-valid.txt"}},
}

// corpusFile is the file of texts to measure on; "" leaves it to the converter. TinyStories is fetched once.
func (f *addFlags) corpusFile(ctx context.Context, env Env, data string) (string, error) {
	if f.noMeasure || !strings.EqualFold(f.corpus, "tinystories") {
		return f.corpus, nil
	}
	if f.texts == 0 {
		f.texts = 100 // of 22,000: some 20,000 tokens
	}
	file := tinyStories
	if mirror := env.Getenv("BENCH_TINYSTORIES"); mirror != "" {
		file.Sources = []harness.FileSource{{mirror}}
	}
	got, err := newFetcher(env, filepath.Join(data, "downloads", "corpora")).Fetch(ctx, file)
	if err != nil {
		var known *harness.Error
		if errors.As(err, &known) {
			known.Hint = "Leave --corpus out to measure on the project's held-out stories, or set BENCH_TINYSTORIES to where the file is."
		}
	}
	return got.Path, err
}

func newFetcher(env Env, folder string) *fetch.Fetcher {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	return &fetch.Fetcher{Folder: folder, Client: &http.Client{Transport: transport}, Clock: env.Clock, Getenv: env.Getenv, Progress: fetchProgress(env)}
}

// fetchProgress says on standard error where a file stands: every tenth, and whatever is worth a note.
func fetchProgress(env Env) func(fetch.Progress) {
	said := map[string]int64{}
	return func(p fetch.Progress) {
		if p.Note != "" {
			fmt.Fprintf(env.Stderr, "%s: %s\n", p.File, harness.PrintableLine(p.Note))
			return
		}
		if p.Total <= 0 {
			return
		}
		key := p.File + p.Source
		if tenth := 10 * p.Done / p.Total; tenth > said[key] {
			said[key] = tenth
			fmt.Fprintf(env.Stderr, "%s: %d %% of %.1f MB from %s\n", p.File, 10*tenth, float64(p.Total)/1e6, harness.PrintableLine(p.Source))
		}
	}
}

// converted is what the converter says of a finished conversion.
type converted struct {
	Manifest   manifest `json:"manifest"`
	CacheBytes int64    `json:"cache_bytes"`
	Lint       []struct {
		Rule      string `json:"rule"`
		Level     string `json:"level"`
		Function  string `json:"function"`
		Operation string `json:"operation"`
		Text      string `json:"text"`
		Remedy    string `json:"remedy"`
	} `json:"lint"`
}

func decodeConverted(text []byte) (converted, error) {
	var c converted
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("the converter's answer cannot be read: %w", err)
	}
	return c, nil
}
