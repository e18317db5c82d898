package baseline

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func folder(t *testing.T) Folder {
	return Folder{Path: t.TempDir(), DeviceName: func(productType string) string {
		return map[string]string{"iPhone15,4": "iPhone15"}[productType]
	}}
}

// recordings are sessions in memory, all of one metric.
type recordings []harness.SessionSeries

func (r recordings) Series(_ context.Context, query harness.SeriesQuery) ([]harness.SessionSeries, error) {
	var out []harness.SessionSeries
	for _, s := range r {
		wanted := (query.Run == "" || query.Run == s.Run) && (query.UDID == "" || query.UDID == s.Begin.Fingerprint.UDID)
		if query.Metric == harness.DecodeTokS && wanted {
			out = append(out, s)
		}
	}
	return out, nil
}

// session is the reading of one launch on a night of November.
func session(run, udid, build string, night int, tokS float64) harness.SessionSeries {
	return harness.SessionSeries{Run: run, Values: []float64{tokS, tokS, tokS}, Unit: "tok/s", Begin: &harness.SessionBegin{
		ID: run, At: time.Date(2026, 11, night, 1, 0, 0, 0, time.UTC), Build: harness.Build{Hash: build, Path: "/home/ann/app.ipa",
			Arm: harness.ArmCandidate},
		Case: harness.Case{Device: harness.Device{UDID: udid, ProductType: "iPhone15,4"}, Model: harness.Model{Name: "m", Hash: "mh"},
			Scenario: harness.Scenario{Name: "quick"}},
		Fingerprint: harness.Fingerprint{UDID: udid, ModelHash: "mh", ScenarioHash: "s"}}}
}

func TestPaths(t *testing.T) {
	f := Folder{Path: "baselines", DeviceName: folder(t).DeviceName}
	at := func(product, model string) string {
		return f.PathOf(harness.Case{Device: harness.Device{ProductType: product}, Model: harness.Model{Name: model},
			Scenario: harness.Scenario{Name: "quick"}})
	}
	assert.Equal(t, filepath.Join("baselines", "iPhone15", "m", "quick.json"), at("iPhone15,4", "m"))
	assert.Equal(t, filepath.Join("baselines", "iPad1_1", "_.._m", "quick.json"), at("iPad1,1", "../../m"), "a name stays inside the folder")
}

func TestProposeTakesTheNightsOfOneBuild(t *testing.T) {
	f := folder(t)
	recorded := recordings{session("r1", "u", "a", 1, 30), session("r2", "u", "a", 2, 31), session("r3", "u", "other", 3, 20),
		session("r4", "u", "a", 4, 32)}
	proposed, err := f.Propose(t.Context(), recorded, "r4", 2)
	require.NoError(t, err)
	require.Len(t, proposed, 1)
	series := proposed[0].Series[harness.DecodeTokS]
	require.Len(t, series, 2, "the latest two")
	assert.Equal(t, "2026-11-02", series[0].Night)
	assert.Equal(t, [][]float64{{32, 32, 32}}, series[1].Sessions)
	assert.Empty(t, proposed[0].Build.Path, "a path of this host is nobody else's business")

	_, err = f.Propose(t.Context(), recorded, "r9", 2)
	require.ErrorContains(t, err, "run r9 has no session that counts")
}

func TestAcceptWritesWhatIsReadBack(t *testing.T) {
	f := folder(t)
	proposed, err := f.Propose(t.Context(), recordings{session("r1", "u", "a", 1, 30)}, "r1", 14)
	require.NoError(t, err)
	for _, by := range []Acceptance{{By: "ann", At: noon}, {Reason: "first", At: noon}} {
		_, err := f.Accept(proposed, by)
		require.Error(t, err)
	}
	all, err := f.All()
	require.NoError(t, err)
	assert.Empty(t, all, "what was refused is not written")

	written, err := f.Accept(proposed, Acceptance{By: "ann", Reason: "first", At: noon})
	require.NoError(t, err)
	all, err = f.All()
	require.NoError(t, err)
	assert.Equal(t, written, all)

	info, err := os.Stat(written[0].Path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode().Perm())
	require.NoError(t, os.WriteFile(written[0].Path, []byte("{}"), 0o644))
	_, err = f.All()
	assert.Equal(t, harness.KindUsage, harness.KindOf(err))
}

func TestTwoDevicesDoNotShareAFile(t *testing.T) {
	f := folder(t)
	proposed, err := f.Propose(t.Context(), recordings{session("r1", "u", "a", 1, 30), session("r1", "v", "a", 1, 30)}, "r1", 14)
	require.NoError(t, err)
	_, err = f.Accept(proposed, Acceptance{By: "ann", Reason: "first", At: noon})
	require.ErrorContains(t, err, "two devices of the run would share")
	all, err := f.All()
	require.NoError(t, err)
	assert.Empty(t, all, "nothing is written where one is refused")
}

func TestNoFolder(t *testing.T) {
	_, err := Folder{Path: filepath.Join(t.TempDir(), "none")}.All()
	require.ErrorContains(t, err, "there is not a folder")
}

func TestDiff(t *testing.T) {
	f := folder(t)
	recorded := recordings{session("r1", "u", "a", 1, 30), session("r2", "u", "b", 2, 27)}
	first, err := f.Propose(t.Context(), recorded, "r1", 14)
	require.NoError(t, err)
	differences, err := Diff(first)
	require.NoError(t, err)
	assert.Nil(t, differences[0].Old)
	_, err = f.Accept(first, Acceptance{By: "ann", Reason: "first", At: noon})
	require.NoError(t, err)

	next, err := f.Propose(t.Context(), recorded, "r2", 14)
	require.NoError(t, err)
	next[0].Fingerprint.OSBuild = "22G86"
	differences, err = Diff(next)
	require.NoError(t, err)
	require.Len(t, differences[0].Metrics, 1)
	assert.InDelta(t, 30, *differences[0].Metrics[0].Was, 0)
	assert.InDelta(t, 27, *differences[0].Metrics[0].Is, 0)
	require.Len(t, differences[0].Differs, 1)
	assert.Contains(t, differences[0].Differs[0], "OS build")
	assert.Equal(t, Size{Nights: 1, Sessions: 1, Metrics: 1}, SizeOf(next[0].Baseline))
}
