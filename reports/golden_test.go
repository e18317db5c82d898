package reports

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

var update = flag.Bool("update", false, "write the golden files; the run fails all the same, so that nobody checks in what nobody has read")

// golden compares a report with testdata/name. With -update it writes the file and fails.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
		t.Errorf("%s is written; read it, then run the test without -update", path)
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if bytes.Equal(got, want) {
		return
	}
	gotLines, wantLines := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return "(no line)"
		}
		require.Equal(t, line(wantLines), line(gotLines), "%s, line %d:\ngot", path, i+1)
	}
}

func TestGoldens(t *testing.T) {
	virtual := New(fixture("20261123-120000-ab12", harness.KindVirtual, noon, 1))
	phone := New(fixture("20261123-120000-cd34", harness.KindIPhone, noon, 1))
	empty := New(harness.Recorded{Run: harness.Run{ID: "empty", Start: noon, Host: "lab-1"}})
	cases := []struct {
		name   string
		report Report
		write  func(Report, *bytes.Buffer) error
	}{
		{"virtual.txt", virtual, func(r Report, b *bytes.Buffer) error { return r.Text(b) }},
		{"virtual.md", virtual, func(r Report, b *bytes.Buffer) error { return r.Markdown(b) }},
		{"virtual.json", virtual, func(r Report, b *bytes.Buffer) error { return r.JSON(b) }},
		{"virtual.html", virtual, func(r Report, b *bytes.Buffer) error { return r.HTML(b) }},
		{"phone.txt", phone, func(r Report, b *bytes.Buffer) error { return r.Text(b) }},
		{"empty.txt", empty, func(r Report, b *bytes.Buffer) error { return r.Text(b) }},
		{"empty.md", empty, func(r Report, b *bytes.Buffer) error { return r.Markdown(b) }},
		{"empty.json", empty, func(r Report, b *bytes.Buffer) error { return r.JSON(b) }},
		{"index.html", virtual, func(r Report, b *bytes.Buffer) error {
			return Index(b, []Report{r, New(fixture("earlier", harness.KindVirtual, noon.Add(-24*time.Hour), 0.9)), phone, empty})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, c.write(c.report, &b))
			golden(t, c.name, withoutAssets(t, b.Bytes()))
		})
	}
}

// withoutAssets puts names in the place of style and scripts, which are files of their own.
func withoutAssets(t *testing.T, page []byte) []byte {
	t.Helper()
	for _, name := range []string{"page.css", "page.js", "echarts/echarts.common.min.js"} {
		asset, err := assets.ReadFile("assets/" + name)
		require.NoError(t, err)
		page = bytes.Replace(page, asset, []byte("["+name+"]"), 1)
		page = bytes.Replace(page, []byte(sourceHash(asset)), []byte("["+name+"]"), 1)
	}
	return page
}
