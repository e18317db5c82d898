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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	require.NoError(t, os.WriteFile(file, page, 0o644))
	log := filepath.Join(dir, "net.json")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, b.path, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-default-apps", "--window-size=1280,1000",
		"--user-data-dir="+filepath.Join(dir, "profile"),
		"--proxy-server="+strings.TrimPrefix(
			b.proxy.URL, "http://",
		), "--proxy-bypass-list=<-loopback>", "--log-net-log="+log, "--virtual-time-budget=2000", "--dump-dom", "file://"+file)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	require.NoError(t, err, "chromium: %v\n%s", err, errs.String())
	return out.String(), pageRequests(t, log)
}

// pageRequests reads the browser's log for requests over the network that a page has made, not the browser itself:
// those name no origin as their initiator.
func pageRequests(t *testing.T, log string) []string {
	t.Helper()
	data, err := os.ReadFile(log)
	require.NoError(t, err)
	var parsed struct {
		Events []struct {
			Params struct{ Initiator, URL string }
		}
	}
	require.NoError(t, json.Unmarshal(data, &parsed), "the browser's log of requests")
	var out []string
	for _, e := range parsed.Events {
		if p := e.Params; p.Initiator != "" && p.Initiator != "not an origin" && !strings.HasPrefix(p.URL, "file:") && !strings.HasPrefix(
			p.URL, "data:",
		) {
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
			require.NoError(t, p.write(&page))
			dom, asked := b.load(t, page.Bytes())
			assert.Empty(t, asked, "the page asked")
			assert.Equal(t, p.charts, strings.Count(dom, "<svg"), "charts are drawn")
			assert.NotContains(t, dom, "<title>taken over", "a script in the model's text ran")
		})
	}
	t.Run("the check can fail", func(t *testing.T) {
		_, asked := b.load(t, []byte(`<img src="http://page.example/x">`))
		assert.NotEmpty(t, asked, "a page that asks for a picture was not caught")
	})
}

// TestPolicyForbidsEverything reads the page's policy: no request of any kind, no script but the two that it carries.
func TestPolicyForbidsEverything(t *testing.T) {
	var page bytes.Buffer
	require.NoError(t, New(fixture("r1", harness.KindVirtual, noon, 1)).HTML(&page))
	text := page.String()
	assert.Contains(t, text, `content="default-src &#39;none&#39;; script-src &#39;sha256-`,
		"the page's policy does not begin with default-src 'none' and script digests")
	assert.NotContains(t, text, "script-src 'unsafe", "the page's policy does not begin with default-src 'none' and script digests")
	for _, banned := range []string{`src="http`, `href="http`, "url(http", "@import"} {
		assert.NotContains(t, text, banned, "the page contains")
	}
}
