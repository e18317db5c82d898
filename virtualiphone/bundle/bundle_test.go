package bundle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"howett.net/plist"
)

func TestPack(t *testing.T) {
	executable := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(executable, []byte("#!/bin/sh\necho hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	app := App{Executable: executable, Name: "BenchApp", BundleID: "org.lilims.bench", Version: "1.2.3", Revision: "0123abc", Configuration: "Release"}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := Pack(out, app); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("Pack gave different bytes for the same input")
	}
	archive, err := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range archive.File {
		found[f.Name] = true
		if f.Name == "Payload/BenchApp.app/BenchApp" && f.Mode()&0o111 == 0 {
			t.Errorf("executable has mode %v, want it executable", f.Mode())
		}
		if strings.HasSuffix(f.Name, "Info.plist") {
			checkInfo(t, f, app)
		}
	}
	for _, want := range []string{"Payload/BenchApp.app/Info.plist", "Payload/BenchApp.app/BenchApp"} {
		if !found[want] {
			t.Errorf("no %s in the archive", want)
		}
	}
}

func checkInfo(t *testing.T, f *zip.File, app App) {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	var info map[string]any
	if _, err := plist.Unmarshal(text.Bytes(), &info); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"CFBundleIdentifier": app.BundleID, "CFBundleExecutable": app.Name, "LilimsRevision": app.Revision} {
		if info[key] != want {
			t.Errorf("Info.plist %s = %v, want %q", key, info[key], want)
		}
	}
}

func TestPackSaysWhatIsMissing(t *testing.T) {
	if err := Pack(&bytes.Buffer{}, App{Executable: filepath.Join(t.TempDir(), "absent"), Name: "X"}); err == nil {
		t.Error("Pack of an absent executable gave no error")
	}
	if err := Pack(&bytes.Buffer{}, App{Executable: "/bin/sh", Name: "a/b"}); err == nil {
		t.Error("Pack with a path as bundle name gave no error")
	}
}
