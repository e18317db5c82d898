package ipa

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const info = `<?xml version="1.0"?><plist version="1.0"><dict>
<key>CFBundleIdentifier</key><string>org.lilims.bench</string>
<key>CFBundleExecutable</key><string>Bench</string>
<key>CFBundleShortVersionString</key><string>1.2</string>
<key>CFBundleVersion</key><string>34</string>
<key>CFBundleSupportedPlatforms</key><array><string>iPhoneOS</string></array>
<key>MinimumOSVersion</key><string>17.0</string>
<key>LilimsRevision</key><string>0123abc</string>
</dict></plist>`

// archive zips names and texts, given in turn.
func archive(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		e, err := w.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		e.Write([]byte(entries[i+1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRead(t *testing.T) {
	good := archive(t, "Payload/", "", "Payload/Bench.app/", "", "Payload/Bench.app/Info.plist", info, "Payload/Bench.app/Bench", "code",
		"Payload/Bench.app/Frameworks/F.framework/Info.plist", "other")
	cases := map[string]struct {
		file []byte
		want string // part of the error; empty: none
	}{
		"an app":            {good, ""},
		"not a zip":         {[]byte("hello"), "not a zip archive"},
		"empty file":        {nil, "not a zip archive"},
		"torn zip":          {good[:len(good)/2], "not a zip archive"},
		"no app":            {archive(t, "readme", "x"), "no Payload"},
		"two apps":          {archive(t, "Payload/A.app/Info.plist", info, "Payload/B.app/Info.plist", info), "two apps"},
		"no executable":     {archive(t, "Payload/A.app/Info.plist", info), "executable Payload/A.app/Bench is missing"},
		"no identifier":     {archive(t, "Payload/A.app/Info.plist", "<plist><dict/></plist>"), "CFBundleIdentifier"},
		"info is no list":   {archive(t, "Payload/A.app/Info.plist", "hello"), "Payload/A.app/Info.plist"},
		"leaves its folder": {archive(t, "Payload/../../etc/passwd", "x"), "entry named"},
		"absolute name":     {archive(t, "/etc/passwd", "x"), "entry named"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.ipa")
			if err := os.WriteFile(file, c.file, 0o644); err != nil {
				t.Fatal(err)
			}
			app, err := Read(file)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("Read error = %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if app.BundleID != "org.lilims.bench" || app.Build != "34" || app.Version != "1.2" || app.Revision != "0123abc" || app.MinimumOS != "17.0" || app.Platforms[0] != "iPhoneOS" || app.Bytes == 0 {
				t.Errorf("Read = %+v", app)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(info))
	f.Add([]byte("bplist00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v map[string]any
		_ = decode(b, &v)
	})
}
