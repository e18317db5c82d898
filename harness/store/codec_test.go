package store

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTokenCodec(t *testing.T) {
	cases := []struct {
		name   string
		stamps []int64
		ids    []int32
	}{
		{"none", nil, nil},
		{"one", []int64{42}, []int32{7}},
		{"even steps", []int64{10, 20, 30, 40}, []int32{1, 2, 3, 4}},
		{"backwards and negative", []int64{5, -5, 100, 100}, []int32{-1, 0, math.MaxInt32, math.MinInt32}},
		{"extremes", []int64{math.MaxInt64, math.MinInt64, 0, math.MaxInt64}, []int32{0}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := unpackTimes(packTimes(c.stamps))
			require.NoError(t, err, "unpackTimes(packTimes(%v)) = %v", c.stamps, got)
			assert.True(t, slices.Equal(got, c.stamps), "unpackTimes(packTimes(%v)) = %v", c.stamps, got)
			got2, err := unpackIDs(packIDs(c.ids))
			require.NoError(t, err, "unpackIDs(packIDs(%v)) = %v", c.ids, got2)
			assert.True(t, slices.Equal(got2, c.ids), "unpackIDs(packIDs(%v)) = %v", c.ids, got2)
		})
	}
}

func TestTokenCodecIsCompact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	stamps := make([]int64, 128)
	at := int64(3_000_000_000_000)
	for i := range stamps {
		stamps[i] = at
		at += 25_000_000 + int64(random.NormFloat64()*500_000) // 40 tok/s with 2 % jitter
	}
	assert.LessOrEqual(t, float64(len(packTimes(stamps)))/128, 3.3, "a time stamp takes")
}

func TestTornSeries(t *testing.T) {
	whole := packTimes([]int64{1e12, 2e12, 3e12})
	for n := 1; n < len(whole); n++ {
		_, err := unpackTimes(whole[:n])
		require.Error(t, err, "unpackTimes of %d of %d bytes succeeded", n, len(whole))
	}
	_, err := unpackTimes(append(slices.Clone(whole), 0))
	require.Error(t, err, "unpackTimes with a byte too many succeeded")
	_, err = unpackIDs([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0})
	require.Error(t, err, "a count far beyond the data was believed")
	_, err = unpackIDs(packTimes([]int64{math.MaxInt32 + 1}))
	require.Error(t, err, "a token id beyond 32 bits was believed")
}

func FuzzUnpack(f *testing.F) {
	f.Add(packTimes([]int64{1, 2, 4}))
	f.Add(packIDs([]int32{17, 4, 250}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		if stamps, err := unpackTimes(data); err == nil {
			again, err := unpackTimes(packTimes(stamps))
			require.NoError(t, err, "stamps %v do not survive: %v", stamps, again)
			assert.True(t, slices.Equal(again, stamps), "stamps %v do not survive: %v", stamps, again)
		}
		if ids, err := unpackIDs(data); err == nil {
			again, err := unpackIDs(packIDs(ids))
			require.NoError(t, err, "ids %v do not survive: %v", ids, again)
			assert.True(t, slices.Equal(again, ids), "ids %v do not survive: %v", ids, again)
		}
		_, _ = unpackLine(data)
	})
}

func FuzzLineCodec(f *testing.F) {
	f.Add(`{"v":1,"seq":6,"at_ns":52000000,"kind":"tokens","iteration":0,"first":0,"ids":[17],"at":[47100000],"text":" a"}`)
	f.Add("")
	f.Add("\xff\x00")
	f.Add(`{"v":1,"seq":007,"at_ns":18446744073709551616,"ids":[-5,0,00],"at":[9223372036854775808,1]}`)
	codec := newLineCodec()
	f.Fuzz(func(t *testing.T, text string) {
		packed, err := codec.pack(text)
		require.NoError(t, err)
		for name, packed := range map[string][]byte{"pack": packed, "packLine": packLine(text)} {
			got, err := unpackLine(packed)
			require.NoError(t, err, "unpackLine(%s(%q))", name, text)
			assert.Equal(t, text, got, "unpackLine(%s(%q)) = %q, %v", name, text, got, err)
			assert.LessOrEqual(t, len(packed), len(text)+1, "%s: %d bytes became %d", name, len(text), len(packed))
		}
	})
}

func TestLinesShrink(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "runtime", "Tests", "Fixtures", "wire", "session.jsonl"))
	require.NoError(t, err)
	packed := 0
	for text := range strings.Lines(string(data)) {
		packed += len(packLine(strings.TrimSuffix(text, "\n")))
	}
	assert.LessOrEqual(t, packed, len(data)/2, "%d bytes of event lines became %d, want half at most", len(data), packed)
}

// TestPhrasesStay holds the table against changes: what is stored refers to it by position.
func TestPhrasesStay(t *testing.T) {
	sum := sha256.Sum256([]byte(strings.Join(phrases[:], "\x00")))
	got, want := hex.EncodeToString(sum[:4]), "72fc752a"
	assert.Equal(t, want, got,
		"the table of phrases has the digest %s, not %s: lines stored earlier would read as others; a new table is a new form", got, want)
	assert.LessOrEqual(t, len(phrases), opNumber, "%d phrases do not fit below %d", len(phrases), opNumber)
}

func TestUnknownForm(t *testing.T) {
	for _, data := range [][]byte{nil, {9, 'x'}, {formDeflate, 0xff}, {formPhrases, opNumber}, {
		formPhrases, opLiteral, 9, 'x',
	}, {formPhrases, 127}, {formPhrases, opAway}, {formPhrases, 255}} {
		text, err := unpackLine(data)
		require.Error(t, err, "unpackLine(%v) = %q, want an error", data, text)
	}
}
