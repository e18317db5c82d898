package reports

import (
	"io"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
)

// App shows what an .ipa says of the app in it. Sizes are in units of ten, as stores count them.
func App(w io.Writer, app appbundle.App) error {
	size := func(bytes int64) string { return harness.Scale{Unit: "MB", Factor: 1e-6}.With(float64(bytes)) }
	version := stated(app.Version)
	if app.Number != "" {
		version += " (" + app.Number + ")"
	}
	rows := [][]string{
		{"identifier", app.BundleID},
		{"version", version},
		{"configuration", stated(app.Configuration)},
		{"revision", stated(app.Revision)},
		{"oldest iOS", stated(app.MinimumOS)},
		{"platforms", stated(strings.Join(app.Platforms, ", "))},
		{"installed", size(app.InstalledBytes)},
		{"archive", size(app.ArchiveBytes)},
	}
	if app.ModelBytes > 0 {
		rows = append(rows, []string{"Core ML files", size(app.ModelBytes)})
	}
	for _, hash := range app.Models {
		rows = append(rows, []string{"model inside", hash})
	}
	return Columns(w, append(rows, []string{"SHA-256", app.Hash}))
}

func stated(text string) string {
	if text == "" {
		return "not stated"
	}
	return text
}

// appSchema is the version of an app's JSON (docs/json.md).
const appSchema = 1

// AppJSON writes the same for programs.
func AppJSON(w io.Writer, app appbundle.App) error {
	return Indented(w, struct {
		Schema int `json:"schema"`
		appbundle.App
	}{appSchema, app})
}
