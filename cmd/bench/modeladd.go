package main

import (
	"context"
	"fmt"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/fetch"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/reports"
)

func modelAddCommand() command {
	return command{
		name: "add", summary: "fetch a model of the catalogue and convert it", usage: "NAME [flags]",
		setup: func(flags *flag.FlagSet) action {
			var request modelstore.Request
			declareRequest(flags, &request)
			configs, data := configsFlag(flags), dataFlag(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if len(rest) != 1 {
					return 0, harness.UsageError("model add", "Use bench model add NAME; bench model list shows what there is.",
						"expected one model, not %d", len(rest))
				}
				catalog, err := loadCatalog(*configs)
				if err != nil {
					return 0, err
				}
				request.Name = rest[0]
				printer := addPrinter{env: env, said: map[string]int64{}}
				adder := modelstore.Adder{Store: modelsOf(env, catalog, dataFolder(env, *data)), Clock: env.Clock, Getenv: env.Getenv,
					Environ: env.Environ, Event: printer.print}
				if err := adder.Add(ctx, request); err != nil {
					return 0, err
				}
				return exitOK, printer.err
			}
		},
	}
}

func declareRequest(flags *flag.FlagSet, r *modelstore.Request) {
	flags.Var((*words)(&r.Precisions), "quantize", "`precision` of the weights: "+strings.Join(modelstore.Precisions(), ", ")+
		"; repeat the flag for several (default int4, or palette6 for ane)")
	flags.StringVar(&r.Layout, "layout", "gpu", "`layout`: gpu (linear layers) or ane (1x1 convolutions)")
	flags.IntVar(&r.Context, "context", 0, "cache length in `tokens` (default as the catalogue or the converter says)")
	flags.StringVar(&r.Corpus, "corpus", "",
		"`file` of texts to measure perplexity on, or tinystories (default the project's held-out stories)")
	flags.IntVar(&r.Texts, "texts", 0, "score only the first `N` texts of the corpus")
	flags.StringVar(&r.AcceptLoss, "accept-loss", "", "accept up to 5 % loss of int4 for this `reason`, which is stored in the manifest")
	flags.StringVar(&r.From, "from", "", "`path` of a local GGUF file or Hugging Face folder, instead of the catalogue's sources")
	flags.StringVar(&r.Device, "for", "", "refuse a model that does not fit in the memory of this `device` of the catalogue")
	flags.BoolVar(&r.NoMeasure, "no-measure", false, "do not measure the loss of quantisation")
	flags.BoolVar(&r.Large, "allow-large", false, "allow a package of more than 1 GB")
	flags.BoolVar(&r.Force, "force", false, "convert again even if the model exists")
}

// addPrinter says in notices where the adding of a model stands, and prints each new model.
type addPrinter struct {
	env  Env
	said map[string]int64 // file and source -> tenths of it that were told
	err  error            // of the first print that failed
}

func (p *addPrinter) print(e modelstore.Event) {
	switch {
	case e.Fetch != nil:
		p.fetching(*e.Fetch)
	case e.Begun != nil:
		fmt.Fprintf(p.env.Notices, "==> %s to %s\n", e.Begun.Name, e.Begun.Precision)
	case e.Present != "":
		fmt.Fprintf(p.env.Notices, "%s exists already (--force converts it again)\n", e.Present)
	case e.Converted != nil:
		if err := reports.ConvertedModel(p.env.Stdout, *e.Converted); p.err == nil {
			p.err = err
		}
	default:
		fmt.Fprintf(p.env.Notices, "  %s\n", harness.PrintableLine(e.Line))
	}
}

// fetching tells every tenth of a file, and whatever is worth a note.
func (p *addPrinter) fetching(f fetch.Progress) {
	if f.Note != "" {
		fmt.Fprintf(p.env.Notices, "%s: %s\n", f.File, harness.PrintableLine(f.Note))
		return
	}
	if f.Total <= 0 {
		return
	}
	key := f.File + f.Source
	if tenth := 10 * f.Done / f.Total; tenth > p.said[key] {
		p.said[key] = tenth
		fmt.Fprintf(p.env.Notices, "%s: %d %% of %.1f MB from %s\n", f.File, 10*tenth, float64(f.Total)/1e6, harness.PrintableLine(f.Source))
	}
}
