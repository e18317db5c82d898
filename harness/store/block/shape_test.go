package block

import (
	"bufio"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesTakenApart(t *testing.T) {
	for text, shape := range map[string]string{
		`{"v":1,"at_ns":-3,"ids":[1,2],"text":" a \"b\""}`: `{"v":#,"at_ns":#,"ids":*,"text":$}`,
		`{"a":0.050,"b":-0.5,"c":12.25}`:                   `{"a":~3,"b":~1,"c":~2}`,
		`{"ids":[],"e":[1,"x"],"t":true,"n":null}`:         `{"ids":*,"e":[#,$],"t":true,"n":null}`,
		`{"big":18446744073709551615}`:                     `%`,
		`{"e":1e5}`:                                        `%`,
		`{"zero":007}`:                                     `%`,
		`{"z":-0.0}`:                                       `%`,
		`{"a": 1}`:                                         `{"a": #}`,
		`not # JSON`:                                       `%`,
		`{"torn":"`:                                        `%`,
		``:                                                 ``,
		`[1,2`:                                             `[#,#`,
		`{"#key$":1}`:                                      `{"#key$":#}`,
	} {
		l := takeApart(text)
		assert.Equal(t, shape, l.shape, "takeApart(%s) has shape", text)
		assert.Equal(t, text, l.together(), "takeApart(%s) has shape %s and gives %s", text, l.shape, l.together())
		got := marks(l.shape)
		assert.Len(t, got, len(l.values), "marks(%s) = %d values, the line has %d", l.shape, len(got), len(l.values))
	}
}

// TestFixtureLinesHaveShapes takes the lines that phone and host agree on apart; none of the well-formed may need to be
// written whole.
func TestFixtureLinesHaveShapes(t *testing.T) {
	files, err := filepath.Glob("../../../runtime/Tests/Fixtures/wire/*.jsonl")
	require.NoError(t, err, "no fixtures")
	require.NotEmpty(t, files, "no fixtures")
	whole, all := 0, 0
	for _, name := range files {
		file, err := os.Open(name)
		require.NoError(t, err)
		for lines := bufio.NewScanner(file); lines.Scan(); all++ {
			l := takeApart(lines.Text())
			assert.Equal(t, lines.Text(), l.together(), "%s: %s comes back as %s", name, lines.Text(), l.together())
			if l.shape == string(markLine) {
				whole++
			}
		}
		file.Close()
	}
	assert.NotEqual(t, 0, all, "%d of %d lines have no shape", whole, all)
	assert.LessOrEqual(t, whole, all/5, "%d of %d lines have no shape", whole, all)
}

func FuzzTakeApart(f *testing.F) {
	for _, text := range []string{`{"v":1,"at":[1,-2],"t":"\\\""}`, `[-0.01,"`, `{"a":.5}`, `~9`, `{"k":1.000000001}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := takeApart(text)
		got := l.together()
		assert.Equal(t, text, got, "%q comes back as %q", text, got)
		got2 := marks(l.shape)
		assert.Len(t, got2, len(l.values), "%q: shape %q wants %d values, there are %d", text, l.shape, len(got2), len(l.values))
	})
}
