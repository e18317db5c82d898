package trend

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

// recordings are the nights of a lab of several phones, each with one case.
type recordings struct {
	phones int
	level  func(night int) float64

	mutex sync.Mutex // Histories asks from several goroutines
	asked []harness.SeriesQuery
}

func (r *recordings) Cases(context.Context) ([]harness.Case, error) {
	var out []harness.Case
	for i := range r.phones {
		out = append(out, harness.Case{Device: harness.Device{UDID: fmt.Sprint(i), Name: fmt.Sprintf("shelf %d", i), ProductType: "iPhone15,4"},
			Model: harness.Model{Name: "m"}, Scenario: harness.Scenario{Name: "quick"}})
	}
	return out, nil
}

func (r *recordings) SeriesOf(_ context.Context, query harness.SeriesQuery, metrics ...string) (map[string][]harness.SessionSeries, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.asked = append(r.asked, query)
	return map[string][]harness.SessionSeries{metrics[0]: nightlySessions(30, func(int) string { return "22A" }, r.level)}, nil
}

func step(night int) float64 {
	if night >= 15 {
		return 27
	}
	return 30
}

func TestHistories(t *testing.T) {
	r := &recordings{phones: 5, level: step}
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	found, err := Histories(t.Context(), r, Query{Metrics: []string{harness.DecodeTokS, harness.TTFT}, Since: since,
		Cases: func(c harness.Case) bool { return c.Device.UDID != "3" }})
	require.NoError(t, err)
	require.Len(t, found, 4, "one for each device but the one that was not meant; a metric without readings has none")
	for i, name := range []string{"shelf 0", "shelf 1", "shelf 2", "shelf 4"} {
		assert.Equal(t, name, found[i].Device, "histories are in the order of the cases")
		assert.Equal(t, harness.DecodeTokS, found[i].Metric)
		assert.Equal(t, "tok/s", found[i].Unit)
		require.Len(t, found[i].Stretches, 1)
		assert.Len(t, found[i].Stretches[0].Changes, 1)
	}
	for _, q := range r.asked {
		assert.True(t, q.Summary)
		assert.Equal(t, harness.ArmCandidate, q.Arm)
		assert.Equal(t, since, q.Since)
	}
}

func TestHistoriesErr(t *testing.T) {
	_, err := Histories(t.Context(), &recordings{phones: 2, level: func(int) float64 { return 0 }},
		Query{Metrics: []string{harness.DecodeTokS}})
	require.ErrorContains(t, err, "iPhone15,4/m/quick: session ")
	var known *harness.Error
	require.ErrorAs(t, err, &known)
	assert.Equal(t, harness.KindUsage, known.Kind)

	_, err = Histories(t.Context(), &recordings{phones: 1, level: step}, Query{Metrics: []string{"speed"}})
	assert.ErrorContains(t, err, `metric "speed" is not known`)
}
