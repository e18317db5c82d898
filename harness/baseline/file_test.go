package baseline

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// nights are nights of three sessions about a level, the nights 1 % apart.
func nights(n int, level float64) []harness.BaselineNight {
	var out []harness.BaselineNight
	for i := range n {
		x := level * (1 + 0.01*float64(i%3-1))
		out = append(out, harness.BaselineNight{Night: time.Date(2026, 11, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
			Runs: []string{"r"}, Sessions: [][]float64{{x, x, x}, {x, x, x}, {x, x, x}}})
	}
	return out
}

func accepted() harness.Baseline {
	return harness.Baseline{Case: "iPhone15,4/m/quick", Build: harness.Build{Hash: "b"}, AcceptedAt: time.Date(2026, 11, 23, 1, 2, 3, 0,
		time.UTC), AcceptedBy: "ann", Reason: "first",
		Fingerprint: harness.Fingerprint{UDID: "u", ModelHash: "m", ScenarioHash: "s"},
		Series:      map[string][]harness.BaselineNight{harness.TTFT: nights(2, 0.1), harness.DecodeTokS: nights(2, 30)}}
}

func TestBytes(t *testing.T) {
	first, err := Encode(accepted())
	require.NoError(t, err)
	back, err := Decode(first)
	require.NoError(t, err)
	second, err := Encode(back)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(second), "written, read and written again, a baseline changed")
	assert.Contains(t, string(first), "[29.7, 29.7, 29.7]", "a session stands on one line")
}

func TestChangedFilesAreRefused(t *testing.T) {
	text, err := Encode(accepted())
	require.NoError(t, err)
	for want, edit := range map[string][2]string{
		"it was changed by hand": {"29.7", "29.8"}, "must be positive": {"29.7", "-29.7"}, "is not known": {"decode_tok_s", "decode"},
		"is not a date": {"2026-11-01", "yesterday"}, "unknown field": {`"case"`, `"cases"`}, "has schema 2": {`"schema": 1`, `"schema": 2`},
		"follows the baseline": {"\n}\n", "\n}\n{}"},
	} {
		_, err := Decode(bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1))
		require.ErrorContains(t, err, want, "%q in place of %q", edit[1], edit[0])
		assert.NotContains(t, err.Error(), "\n", "%q in place of %q", edit[1], edit[0])
	}
}

// FuzzBaseline: what is read as a baseline is written back to something that reads the same.
func FuzzBaseline(f *testing.F) {
	text, err := Encode(accepted())
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"schema":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := Decode(text)
		if err != nil {
			return
		}
		again, err := Encode(b)
		require.NoError(t, err)
		_, err = Decode(again)
		require.NoError(t, err, "%s\nis read, and written as\n%s", text, again)
	})
}
