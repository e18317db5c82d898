package reports

import (
	"fmt"
	"io"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/modelstore"
)

// Models writes the models that are here, and those that can be added.
func Models(w io.Writer, all []modelstore.Entry) error {
	rows := [][]string{{"MODEL", "SIZE", "PRECISION", "CONTEXT", "PERPLEXITY", "AGAINST FP16", "WHERE"}}
	for _, e := range all {
		rows = append(rows, modelRow(e))
	}
	return Columns(w, rows)
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

// jsonModel is a model in a list: with a manifest where it is here, offered where it can be added.
type jsonModel struct {
	Name       string               `json:"name"`
	Place      string               `json:"place,omitempty"`
	Error      string               `json:"error,omitempty"`
	Offered    bool                 `json:"offered,omitempty"`
	FetchBytes int64                `json:"fetch_bytes,omitempty"`
	Manifest   *modelstore.Manifest `json:"manifest,omitempty"`
}

// ModelsJSON writes the same for programs.
func ModelsJSON(w io.Writer, all []modelstore.Entry) error {
	var out []jsonModel
	for _, e := range all {
		m := jsonModel{Name: e.Name, Offered: e.Offered, FetchBytes: e.FetchBytes}
		if !e.Offered {
			m.Place = e.Place.String()
			if e.Err != nil {
				m.Error = e.Err.Error()
			} else {
				m.Manifest = &e.Manifest
			}
		}
		out = append(out, m)
	}
	return ListingJSON(w, "models", out)
}

// Model writes what a model's manifest says.
func Model(w io.Writer, place string, m modelstore.Manifest) error {
	rows := [][]string{
		{"model", fmt.Sprintf("%s %s, %s, %s", m.Name, m.Version, m.Family, m.Quantization)},
		{"where", place},
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
	return Columns(w, rows)
}

// ModelJSON writes the manifest for programs, with where the model is.
func ModelJSON(w io.Writer, place string, m modelstore.Manifest) error {
	return Indented(w, struct {
		Schema int `json:"schema"`
		jsonModel
	}{listingSchema, jsonModel{Name: m.Name, Place: place, Manifest: &m}})
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

// VerifiedModel writes that every file of a model is as its manifest says.
func VerifiedModel(w io.Writer, place string, m harness.Model) error {
	_, err := fmt.Fprintf(w, "%s is intact: %s, hash %s\n", place, megabytes(m.SizeBytes), m.Hash)
	return err
}

// VerifiedModelJSON writes the same for programs.
func VerifiedModelJSON(w io.Writer, place string, m harness.Model) error {
	return Indented(w, map[string]any{"schema": listingSchema, "place": place, "name": m.Name, "size_bytes": m.SizeBytes, "hash": m.Hash})
}

// ConvertedModel writes a new model, and what the Neural Engine is known to dislike of it.
func ConvertedModel(w io.Writer, c modelstore.Converted) error {
	if err := Model(w, c.Folder, c.Manifest); err != nil {
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

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
