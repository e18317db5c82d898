package metrickit

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"
)

// tokens are the names and values of a JSON text as jsontext reads them; nil where it refuses the text.
func tokens(raw []byte) []string {
	decoder := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	out := []string{}
	for depth := 0; ; {
		token, err := decoder.ReadToken()
		if errors.Is(err, io.EOF) && len(out) > 0 && depth == 0 {
			return out
		}
		if err != nil || len(out) > 0 && depth == 0 {
			return nil
		}
		switch token.Kind() {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			continue
		}
		out = append(out, token.Kind().String()+" "+token.String())
	}
}

// flat are a tree's names and values in the same form.
func flat(raw []byte, n *node, out []string) []string {
	text := n.text
	switch {
	case n.isNumber(), n.isString() && n.end > n.start && raw[n.start] != '"': // beyond a float: kept as text
		if value, err := strconv.ParseFloat(
			string(n.raw(raw)), 64,
		); n.isNumber() && (err != nil || math.Float64bits(value) != math.Float64bits(n.number)) {
			return append(out, "another number")
		}
		return append(out, "number "+string(n.raw(raw)))
	case !n.isString():
		text = n.kind.String()
	}
	out = append(out, n.kind.String()+" "+text)
	for _, f := range n.fields {
		if n.isObject() {
			out = append(out, "string "+f.name)
		}
		out = flat(raw, f.value, out)
	}
	return out
}

// FuzzTree holds the reader of payloads against jsontext: it takes the same objects and reads the same from them.
func FuzzTree(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(raw)
	}
	for _, text := range []string{`{"a":[1,-0,0.5,1e5,1E+2,-12.30e-1,123456789012345678,1e999,true,false,null,[],{}]}`,
		`{"\u00e9\n\"\\\/":"\ud83d \ud83d\ude00 é 1.5","a":"` + "\xff" + `","a":1}`, ` { } `, `{"a":1,}`, `{"a" 1}`, `{"a":01}`, `{"a":-}`,
		`{"a":1.}`,
		`{"a":1e}`, `{"a":.5}`, `{"a":tru}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"\x01\"}", "{\"a\":1\x00}", `{"a":1}x`, `{"a":[1 2]}`,
		`{"a":[1,]}`, `{"a":{]}`, `{"a":"`, `{`, `{"a":"\`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		top, err := new(reader).readTree(raw)
		want := tokens(raw)
		if first := bytes.TrimLeft(raw, " \t\r\n"); len(first) == 0 || first[0] != '{' {
			return // a tree is of an object
		}
		require.Equal(t, want != nil, err == nil, "%q: %v, but jsontext takes it: %t", raw, err, want != nil)
		if err != nil {
			return
		}
		got := flat(raw, top, nil)
		require.Len(t, got, len(want), "%q", raw)
		for i := range got {
			require.Equal(t, want[i], got[i], "%q", raw)
		}
	})
}
