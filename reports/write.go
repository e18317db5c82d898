package reports

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/lilims/bench/harness"
)

// Folder is where the pages of a data folder lie.
func Folder(data string) string { return filepath.Join(data, "reports") }

// WriteFile makes a file whole or not at all, with its folder.
func WriteFile(path string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = renameio.WriteFile(path, content.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(path)))
	}
	if err != nil {
		return &harness.Error{Kind: harness.KindStorage, Op: "write report", Err: err,
			Hint: "Free some space or name another place with --output or --data; the run itself is recorded."}
	}
	return nil
}

// WritePage writes a run's page into a data folder and returns its path.
func WritePage(data string, report Report) (string, error) {
	path := filepath.Join(Folder(data), PageName(report.Recorded.Run.ID))
	return path, WriteFile(path, report.HTML)
}

// WritePages writes the pages of runs, as read brings them, and an index over them. It returns the index's path.
func WritePages(folder string, runs []string, read func(run string) (Report, error)) (string, error) {
	var all []Report
	for _, run := range runs {
		report, err := read(run)
		if err != nil {
			return "", err
		}
		if err := WriteFile(filepath.Join(folder, PageName(run)), report.HTML); err != nil {
			return "", err
		}
		all = append(all, report)
	}
	index := filepath.Join(folder, "index.html")
	return index, WriteFile(index, func(w io.Writer) error { return Index(w, all) })
}

// Format returns the writer of a format by its name: text, md, json or html.
func (r Report) Format(name string) (func(io.Writer) error, error) {
	write, ok := map[string]func(io.Writer) error{"text": r.Text, "md": r.Markdown, "json": r.JSON, "html": r.HTML}[name]
	if !ok {
		return nil, harness.UsageError("report", "Formats: text, md, json, html.", "no format is called %q", name)
	}
	return write, nil
}
