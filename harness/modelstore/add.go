package modelstore

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/fetch"
)

// Request is what a model is to be made of, and in which form.
type Request struct {
	Name       string   // of the catalogue; with From any word
	From       string   // a GGUF file or Hugging Face folder at hand; "": the catalogue's sources
	Precisions []string // of [Precisions]; none: int4, or palette6 for the layout ane
	Layout     string   // gpu or ane
	Context    int      // tokens of cache; 0: as the catalogue or the converter says
	Corpus     string   // file of texts to measure perplexity on, or tinystories; "": the converter's own
	Texts      int      // score only the first so many texts; 0: all
	AcceptLoss string   // why a larger loss is accepted; "": it is not
	Device     string   // of the catalogue, whose memory the model must fit; "": any
	NoMeasure  bool     // do not measure the loss of quantisation
	Large      bool     // allow a package of more than 1 GB
	Force      bool     // convert again what is there
}

// Event is one thing that happens while a model is added. One of the fields is set.
type Event struct {
	Fetch     *fetch.Progress // a file is being fetched
	Begun     *Begun          // a conversion begins
	Line      string          // what the converter says
	Present   string          // the folder has the model already
	Converted *Converted      // a conversion has ended well
}

// Begun is a conversion that begins.
type Begun struct{ Name, Precision string }

// Converted is a new model, and what the converter reports of it.
type Converted struct {
	Folder   string    `json:"-"`
	Manifest Manifest  `json:"manifest"`
	Lint     []Finding `json:"lint"`
}

// Finding is something in a model that the Neural Engine is known to run badly or not at all.
type Finding struct {
	Rule      string `json:"rule"`
	Level     string `json:"level"` // error or warning
	Function  string `json:"function"`
	Operation string `json:"operation"`
	Text      string `json:"text"`
	Remedy    string `json:"remedy"`
}

// Adder adds models to a store.
type Adder struct {
	Store
	Clock   harness.Clock
	Getenv  func(string) string
	Environ []string     // of the converter
	Client  *http.Client // nil: one that gives up on a server that does not answer within a minute
	Run     Run          // nil: [Process]
	Event   func(Event)  // nil: nobody listens
}

func (a Adder) tell(e Event) {
	if a.Event != nil {
		a.Event(e)
	}
}

// Add fetches what a model is made of and converts it to every precision that is asked for, fp16 first: the others are
// compared with it. What is there already in the form asked for stays. Mistakes are found before anything is fetched.
func (a Adder) Add(ctx context.Context, request Request) error {
	if err := a.check(&request); err != nil {
		return err
	}
	entry, err := a.entry(request)
	if err != nil {
		return err
	}
	converter, err := a.findConverter()
	if err != nil {
		return err
	}
	source, err := a.source(ctx, request, entry)
	if err != nil {
		return err
	}
	corpus, err := a.corpus(ctx, &request)
	if err != nil {
		return err
	}
	c := conversion{Request: request, entry: entry, converter: converter, source: source, corpus: corpus}
	if c.Context == 0 {
		c.Context = entry.Context
	}
	return a.convertAll(ctx, c)
}

// check finds mistakes in the request, and fills in what was left out.
func (a Adder) check(r *Request) error {
	if len(r.Precisions) == 0 {
		r.Precisions = []string{"int4"}
		if r.Layout == "ane" {
			r.Precisions = []string{"palette6"}
		}
	}
	for _, precision := range r.Precisions {
		if !slices.Contains(precisions, precision) {
			return harness.UsageError("model add", "Available: "+strings.Join(precisions, ", ")+".", "no precision is called %q", precision)
		}
	}
	if r.Layout != "gpu" && r.Layout != "ane" {
		return harness.UsageError("model add", "Layouts: gpu, ane.", "no layout is called %q", r.Layout)
	}
	if r.Device != "" {
		profile, err := config.Find("device", r.Device, a.Catalog.Devices)
		if err != nil {
			return err
		}
		r.Device = profile.Name
	}
	return nil
}

// entry is the model of the catalogue, or one of the name alone for what is made of files at hand.
func (a Adder) entry(r Request) (harness.ModelEntry, error) {
	entry := harness.ModelEntry{Name: r.Name}
	var err error
	if r.From == "" || a.Catalog.Models[r.Name].Name != "" {
		if entry, err = config.Find("model", r.Name, a.Catalog.Models); err != nil {
			return entry, err
		}
	}
	if entry.Path != "" && r.From == "" {
		return entry, harness.UsageError("model add", "Use it as it is: bench run --model "+entry.Name+".",
			"%s is converted already, in %s", entry.Name, entry.Path)
	}
	if entry.Name != filepath.Base(entry.Name) || strings.HasPrefix(entry.Name, ".") {
		return entry, harness.UsageError("model add", "Name it by one word.", "%q is not a valid model name", entry.Name)
	}
	return entry, nil
}

// convertAll converts to every precision that was asked for.
func (a Adder) convertAll(ctx context.Context, c conversion) error {
	for _, precision := range precisions {
		if !slices.Contains(c.Precisions, precision) {
			continue
		}
		c.precision = precision
		form := precision
		if c.Layout == "ane" {
			form += "-ane"
		}
		c.folder = filepath.Join(a.modelsFolder(), c.entry.Name+"-"+form)
		if !c.Force && c.present() {
			a.tell(Event{Present: c.folder})
			c.base = c.folder
			continue
		}
		a.tell(Event{Begun: &Begun{c.entry.Name, precision}})
		result, err := a.convert(ctx, c)
		if err != nil {
			return err
		}
		c.base = c.folder
		a.tell(Event{Converted: &result})
	}
	return nil
}

// material is what a model is made of, on this host.
type material struct {
	path   string
	gguf   bool
	sha256 string // of a GGUF file that was fetched; "" for others
}

// source brings what the model is made of.
func (a Adder) source(ctx context.Context, r Request, entry harness.ModelEntry) (material, error) {
	if r.From != "" {
		isFolder, err := isFolder(r.From)
		if err != nil {
			return material{}, harness.UsageError("model add", "Name a GGUF file or a Hugging Face folder.", "--from: %w", err)
		}
		return material{path: r.From, gguf: !isFolder}, nil
	}
	folder := filepath.Join(a.Downloads(), entry.Name)
	fetcher := a.fetcher(folder)
	var got fetch.Got
	for _, file := range entry.Files {
		var err error
		if got, err = fetcher.Fetch(ctx, file); err != nil {
			return material{}, err
		}
	}
	if len(entry.Files) == 1 && strings.EqualFold(filepath.Ext(entry.Files[0].Name), ".gguf") {
		return material{path: got.Path, gguf: true, sha256: got.SHA256}, nil
	}
	return material{path: folder}, nil
}

// tinyStories is the validation split of TinyStories (Eldan and Li 2023, arXiv 2305.07759).
var tinyStories = harness.ModelFile{
	Name:    "TinyStories-valid.txt",
	Sources: []harness.FileSource{{"https://huggingface.co/datasets/roneneldan/TinyStories/resolve/main/TinyStories-valid.txt"}},
}

// tinyStoriesTexts is how many of the 22,000 stories are scored where no number is asked for: some 20,000 tokens.
const tinyStoriesTexts = 100

// corpus is the file of texts to measure on; "" leaves it to the converter. TinyStories is fetched once.
func (a Adder) corpus(ctx context.Context, r *Request) (string, error) {
	if r.NoMeasure || !strings.EqualFold(r.Corpus, "tinystories") {
		return r.Corpus, nil
	}
	if r.Texts == 0 {
		r.Texts = tinyStoriesTexts
	}
	file := tinyStories
	if mirror := a.Getenv("BENCH_TINYSTORIES"); mirror != "" {
		file.Sources = []harness.FileSource{{mirror}}
	}
	got, err := a.fetcher(filepath.Join(a.Downloads(), "corpora")).Fetch(ctx, file)
	var known *harness.Error
	if errors.As(err, &known) {
		known.Hint = "Leave --corpus out to measure on the project's held-out stories, or set BENCH_TINYSTORIES to where the file is."
	}
	return got.Path, err
}

func (a Adder) fetcher(folder string) *fetch.Fetcher {
	client := a.Client
	if client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.ResponseHeaderTimeout = time.Minute
		client = &http.Client{Transport: transport}
	}
	return &fetch.Fetcher{Folder: folder, Client: client, Clock: a.Clock, Getenv: a.Getenv,
		Progress: func(p fetch.Progress) { a.tell(Event{Fetch: &p}) }}
}
