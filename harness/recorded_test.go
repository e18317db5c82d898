package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheLastAttemptCounts(t *testing.T) {
	begin := func(id, planned string, attempt int) SessionBegin {
		return SessionBegin{ID: id, Planned: PlannedSession{ID: planned}, Attempt: attempt}
	}
	begins := []SessionBegin{
		begin("a", "a", 1), begin("b.2", "b", 2), begin("a.2", "a", 2), begin("b", "b", 1), begin("c", "c", 1), begin("d", "d", 0),
		begin("d", "d", 0),
	}
	var state RunState
	var recorded Recorded
	for _, b := range begins {
		state.Sessions = append(state.Sessions, SessionState{Begin: b})
		recorded.Sessions = append(recorded.Sessions, RecordedSession{Begin: b})
	}
	want := []string{"b.2", "a.2", "c", "d"} // b.2 came first: a clock that was set back makes no older attempt count
	var ofState, ofRecorded []string
	for _, s := range state.Counting() {
		ofState = append(ofState, s.Begin.ID)
	}
	for _, s := range recorded.Counting() {
		ofRecorded = append(ofRecorded, s.Begin.ID)
	}
	assert.Equal(t, want, ofState)
	assert.Equal(t, want, ofRecorded)
	assert.Empty(t, RunState{}.Counting())
}

func TestKeptReadings(t *testing.T) {
	at := func(i int) *int { return &i }
	s := RecordedSession{
		Iterations: []Iteration{
			{Index: 0, Warmup: true, Outcome: OutcomeOK}, {Index: 1, Outcome: OutcomeOK}, {Index: 2, Outcome: OutcomeInvalid},
			{Index: 3, Outcome: OutcomeOK},
		},
		Samples: []Sample{
			{Metric: DecodeTokS, Iteration: at(0), Value: 1}, {Metric: DecodeTokS, Iteration: at(3), Value: 2},
			{Metric: DecodeTokS, Iteration: at(1), Value: 3},
			{Metric: DecodeTokS, Iteration: at(2), Value: 4}, {Metric: DecodeTokS, Iteration: at(9), Value: 5}, {Metric: DecodeTokS, Value: 6},
			{Metric: TTFTCold, Iteration: at(0), Value: 7}, {Metric: TTFTFirstEver, Iteration: at(2), Value: 8},
		},
	}
	assert.Equal(t, []float64{2, 3, 6}, s.Values(DecodeTokS))
	assert.Equal(t, []float64{7}, s.Values(TTFTCold), "what a first request costs is kept from a warm-up")
	assert.Empty(t, s.Values(TTFTFirstEver))
	assert.Nil(t, s.Values(TTFT))
}
