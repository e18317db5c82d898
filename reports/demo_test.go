package reports

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness/demo"
)

func TestDemo(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 2, 0, 0, 0, time.UTC) }
	var out bytes.Buffer
	story := demo.Story{Runs: 41, First: day(1), Odd: day(2), Step: day(3), Update: day(4), Updated: "Simulated iPhone 16 Pro",
		Gate: "20261105-030000-5700"}
	require.NoError(t, Demo(&out, story, "my demo"))
	assert.Equal(t, `SIMULATED: every figure comes from a model; nothing was measured on a phone.
41 runs: 40 nights of two simulated phones in three cases, from 2026-11-01

  outlier night      2026-11-02
  nightly build      7 % slower from 2026-11-03
  OS update          from 2026-11-04, Simulated iPhone 16 Pro
  inconclusive gate  20261105-030000-5700, candidate 9 % slower

Next:
  bench runs --limit 5 --data 'my demo'
  bench trend --metric decode --data 'my demo'
  bench compare latest --data 'my demo'
  bench report latest --data 'my demo'
  bench report --all --data 'my demo'

data  my demo
`, out.String())
}

func TestShellWord(t *testing.T) {
	for text, want := range map[string]string{
		"/tmp/bench-demo-1": "/tmp/bench-demo-1", "": "''", "my demo": "'my demo'", "it's": `'it'\''s'`,
		"$HOME": "'$HOME'", "~x": "'~x'", "ä": "'ä'",
	} {
		assert.Equal(t, want, shellWord(text))
	}
}
