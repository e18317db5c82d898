package iphone

import (
	"strings"
	"testing"
)

func TestReadReport(t *testing.T) {
	crash := `{"bug_type":"309","bundleID":"org.lilims.bench","name":"Bench"}` + "\n" + `{"pid":42,"exception":{"type":"EXC_CRASH"}}`
	jetsam := `{"bug_type":"298","timestamp":"x"}` + "\n" + `{"processes":[{"pid":1,"name":"launchd"},{"pid":42,"name":"Bench","reason":"per-process-limit"},{"pid":50,"name":"other"}]}`
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
			if (got.text != "") != c.found || got.jetsam != c.jetsam {
				t.Errorf("readReport = %+v", got)
			}
			if c.jetsam && got.reason != "per-process-limit" {
				t.Errorf("reason = %q", got.reason)
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
			if p.at < 0 || p.at+p.size > size {
				t.Errorf("size %d: part %+v lies outside", size, p)
			}
		}
		if last := parts[len(parts)-1]; parts[0].at != 0 || last.at+last.size != size {
			t.Errorf("size %d: parts %+v do not hold both ends", size, parts)
		}
	}
}

func TestInBundle(t *testing.T) {
	const app = "/private/var/containers/Bundle/Application/0A/Bench.app"
	for executable, want := range map[string]bool{
		app + "/Bench": true, "/var/containers/Bundle/Application/0A/Bench.app/Bench": true, app: true,
		"/private/var/containers/Bundle/Application/0A/Bench.app2/Bench": false, "/usr/libexec/x": false, "": false,
	} {
		if got := inBundle(executable, app); got != want {
			t.Errorf("inBundle(%q) = %v", executable, got)
		}
	}
	if inBundle("/Bench", "") {
		t.Error("an app without a folder matches everything")
	}
}

func TestSessionFolderStaysInItsFolder(t *testing.T) {
	task := func(run, session string) (string, error) {
		var f follow
		f.task.Run, f.task.Session = run, session
		return sessionFolder(f.task)
	}
	if dir, err := task("r1", "s000-candidate.2"); err != nil || dir != "Documents/bench/sessions/r1/s000-candidate.2" {
		t.Errorf("folder = %q, %v", dir, err)
	}
	for _, bad := range []string{"", ".", "..", "../x", "a/b", "a\x00b", ".hidden"} {
		if dir, err := task("r1", bad); err == nil {
			t.Errorf("session %q gives folder %q", bad, dir)
		}
	}
}
