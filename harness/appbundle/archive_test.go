package appbundle

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const info = `<?xml version="1.0"?><plist version="1.0"><dict>
<key>CFBundleIdentifier</key><string>org.lilims.bench</string>
<key>CFBundleExecutable</key><string>Bench</string>
<key>CFBundleShortVersionString</key><string>1.2</string>
<key>CFBundleVersion</key><string>34</string>
<key>CFBundleSupportedPlatforms</key><array><string>iPhoneOS</string></array>
<key>MinimumOSVersion</key><string>17.0</string>
<key>LilimsRevision</key><string>0123abc</string>
<key>LilimsConfiguration</key><string>Debug</string>
</dict></plist>`

// archive zips names and texts, given in turn.
func archive(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		e, err := w.Create(entries[i])
		require.NoError(t, err)
		_, err = e.Write([]byte(entries[i+1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
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
		"not a zip":         {[]byte("hello"), "it is not an .ipa: not a zip archive"},
		"empty file":        {nil, "not a zip archive"},
		"torn zip":          {good[:len(good)/2], "not a zip archive"},
		"no app":            {archive(t, "readme", "x"), "it is not an .ipa: it holds no Payload"},
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
			require.NoError(t, os.WriteFile(file, c.file, 0o644))
			app, err := Read(file)
			if c.want != "" {
				assert.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, App{Path: file, BundleID: "org.lilims.bench", Version: "1.2", Number: "34", Executable: "Bench", MinimumOS: "17.0",
				Platforms: []string{"iPhoneOS"}, Configuration: "Debug", Revision: "0123abc", ArchiveBytes: int64(len(c.file)),
				InstalledBytes: int64(len(info) + len("code") + len("other"))}, app)
		})
	}
}

func TestReadSaysThatAFileIsAbsent(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "absent.ipa"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(info))
	f.Add([]byte("bplist00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var v map[string]any
		_ = decode(b, &v)
	})
}
