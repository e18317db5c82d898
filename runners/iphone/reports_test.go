package iphone

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadReport(t *testing.T) {
	crash := `{"bug_type":"309","bundleID":"org.lilims.bench","name":"Bench"}` + "\n" + `{"pid":42,"exception":{"type":"EXC_CRASH"}}`
	jetsam := `{"bug_type":"298","timestamp":"x"}` + "\n" + `{"processes":[{"pid":1,"name":"launchd"},{"pid":42,"name":"Bench",` +
		`"reason":"per-process-limit"},{"pid":50,"name":"other"}]}`
	cases := map[string]struct {
		text   string
		pid    int
		found  bool
		jetsam bool
	}{
		"a crash of the process":                  {crash, 42, true, false},
		"a crash of another process":              {crash, 43, false, false},
		"a crash of another app":                  {strings.Replace(crash, "bench", "other", 1), 42, false, false},
		"ended for its memory":                    {jetsam, 42, true, true},
		"ran while another was ended":             {jetsam, 50, false, false},
		"a body on several lines":                 {strings.Replace(crash, `,"exc`, ",\n  \"exc", 1), 42, true, false},
		"no report":                               {"hello\nworld", 42, false, false},
		"empty":                                   {"", 42, false, false},
		"a list of processes in another bug type": {strings.Replace(jetsam, "298", "210", 1), 42, false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := readReport([]byte(c.text), "org.lilims.bench", c.pid)
			assert.Equal(t, c.found, got.text != "", "readReport")
			assert.Equal(t, c.jetsam, got.jetsam, "readReport")
			if c.jetsam {
				assert.Equal(t, "per-process-limit", got.reason)
			}
		})
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte("{\"bug_type\":\"298\"}\n{\"processes\":[{\"pid\":1,\"reason\":\"x\"}]}"))
	f.Fuzz(func(t *testing.T, text []byte) { readReport(text, "a", 1) })
}

func TestSpansCoverEndsAndStayInside(t *testing.T) {
	for _, size := range []int64{0, 1, readBackWhole, readBackWhole + 1, 3 << 30} {
		parts := spans(size)
		for _, p := range parts {
			assert.GreaterOrEqual(t, p.at, int64(0), "size %d: part %+v lies outside", size, p)
			assert.LessOrEqual(t, p.at+p.size, size, "size %d: part %+v lies outside", size, p)
		}
		last := parts[len(parts)-1]
		assert.Equal(t, int64(0), parts[0].at, "size %d: parts %+v do not hold both ends", size, parts)
		assert.Equal(t, size, last.at+last.size, "size %d: parts %+v do not hold both ends", size, parts)
	}
}

func TestInBundle(t *testing.T) {
	const app = "/private/var/containers/Bundle/Application/0A/Bench.app"
	for executable, want := range map[string]bool{
		app + "/Bench": true, "/var/containers/Bundle/Application/0A/Bench.app/Bench": true, app: true,
		"/private/var/containers/Bundle/Application/0A/Bench.app2/Bench": false, "/usr/libexec/x": false, "": false,
	} {
		assert.Equal(t, want, inBundle(executable, app), "inBundle(%q)", executable)
	}
	assert.False(t, inBundle("/Bench", ""), "an app without a folder matches everything")
}

func TestSessionFolderStaysInItsFolder(t *testing.T) {
	task := func(run, session string) (string, error) {
		var f follow
		f.task.Run, f.task.Session = run, session
		return sessionFolder(f.task)
	}
	dir, err := task("r1", "s000-candidate.2")
	require.NoError(t, err, "folder")
	assert.Equal(t, "Documents/bench/sessions/r1/s000-candidate.2", dir, "folder")
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "a\x00b", ".hidden"} {
		dir, err := task("r1", bad)
		require.Error(t, err, "session %q gives folder %q", bad, dir)
	}
}
