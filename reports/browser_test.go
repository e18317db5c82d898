package reports

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lilims/bench/harness"
)

// browser loads pages from disk. Its traffic goes to a proxy that answers nothing, so that no test reaches the network,
// and it writes down every request with who made it: a browser has errands of its own, which are none of the page's.
type browser struct {
	path  string
	proxy *httptest.Server
}

// newBrowser skips the test, aloud, where no Chromium is installed.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			b.path = path
			break
		}
	}
	if b.path == "" {
		t.Skip("no Chromium is installed: that the page draws its charts and asks for nothing was NOT checked")
	}
	b.proxy = httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(b.proxy.Close)
	return b
}

// load returns the page as it stands after its scripts have run, and the hosts that it asked for anything.
func (b *browser) load(t *testing.T, page []byte) (dom string, asked []string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "net.json")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, b.path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-default-apps", "--window-size=1280,1000", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--proxy-server="+strings.TrimPrefix(b.proxy.URL, "http://"), "--proxy-bypass-list=<-loopback>", "--log-net-log="+log, "--virtual-time-budget=2000", "--dump-dom", "file://"+file)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		t.Fatalf("chromium: %v\n%s", err, errs.String())
	}
	return out.String(), pageRequests(t, log)
}

// pageRequests reads the browser's log for requests over the network that a page has made, not the browser itself:
// those name no origin as their initiator.
func pageRequests(t *testing.T, log string) []string {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Events []struct {
			Params struct{ Initiator, URL string }
		}
	}
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatalf("the browser's log of requests: %v", err)
	}
	var out []string
	for _, e := range parsed.Events {
		if p := e.Params; p.Initiator != "" && p.Initiator != "not an origin" && !strings.HasPrefix(p.URL, "file:") && !strings.HasPrefix(p.URL, "data:") {
			out = append(out, p.URL)
		}
	}
	return out
}

// TestPagesInABrowser opens the pages from disk: every chart is drawn and no request leaves, whatever the model said.
func TestPagesInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the pages were not opened in a browser")
	}
	b := newBrowser(t)
	recorded := fixture("r1", harness.KindVirtual, noon, 1)
	recorded.Sessions[0].Iterations[1].Text = `</blockquote><script>document.title = "taken over"</script><img src="http://model.example/x">`
	recorded.Sessions[0].Begin.Case.Device.Name = `"><img src=http://device.example/x>`
	report := New(recorded)
	pages := []struct {
		name   string
		write  func(*bytes.Buffer) error
		charts int
	}{
		{"run", func(out *bytes.Buffer) error { return report.HTML(out) }, 4},
		{"index", func(out *bytes.Buffer) error { return Index(out, []Report{report}) }, 2},
	}
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			var page bytes.Buffer
			if err := p.write(&page); err != nil {
				t.Fatal(err)
			}
			dom, asked := b.load(t, page.Bytes())
			if len(asked) > 0 {
				t.Errorf("the page asked for %q", asked)
			}
			if n := strings.Count(dom, "<svg"); n != p.charts {
				t.Errorf("%d charts are drawn, want %d", n, p.charts)
			}
			if strings.Contains(dom, "<title>taken over") {
				t.Error("a script in the model's text ran")
			}
		})
	}
	t.Run("the check can fail", func(t *testing.T) {
		if _, asked := b.load(t, []byte(`<img src="http://page.example/x">`)); len(asked) == 0 {
			t.Error("a page that asks for a picture was not caught")
		}
	})
}

// TestPolicyForbidsEverything reads the page's policy: no request of any kind, no script but the two that it carries.
func TestPolicyForbidsEverything(t *testing.T) {
	var page bytes.Buffer
	if err := New(fixture("r1", harness.KindVirtual, noon, 1)).HTML(&page); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if !strings.Contains(text, `content="default-src &#39;none&#39;; script-src &#39;sha256-`) || strings.Contains(text, "script-src 'unsafe") {
		t.Error("the page's policy does not begin with default-src 'none' and script digests")
	}
	for _, banned := range []string{`src="http`, `href="http`, "url(http", "@import"} {
		if strings.Contains(text, banned) {
			t.Errorf("the page contains %q", banned)
		}
	}
}
