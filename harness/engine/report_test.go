package engine_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/engine"
)

func TestNothingMeasured(t *testing.T) {
	crash := harness.SessionEnd{ID: "s1", Outcome: harness.OutcomeAppCrash, Reason: "killed by signal 6"}
	refused := harness.SessionEnd{ID: "s2", Outcome: harness.OutcomeRefused, Reason: "battery at 3 %"}
	half := harness.SessionEnd{ID: "s3", Outcome: harness.OutcomeTimeout, Measured: 2}
	for name, c := range map[string]struct {
		ended []harness.SessionEnd
		kind  harness.Kind // "": something was measured, or nothing was tried
		says  string
	}{
		"no session":    {},
		"one iteration": {ended: []harness.SessionEnd{crash, half}},
		"crashes": {[]harness.SessionEnd{crash, crash}, harness.KindNothing,
			"nothing was measured in 2 sessions; the first ended with app_crash: killed"},
		"an unfit device":  {[]harness.SessionEnd{refused}, harness.KindDevice, "refused: battery at 3 %"},
		"unfit, and crash": {[]harness.SessionEnd{refused, crash}, harness.KindNothing, "in 2 sessions"},
	} {
		t.Run(name, func(t *testing.T) {
			err := engine.Report{Run: "r", Ended: c.ended}.Nothing()
			if c.kind == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			assert.Equal(t, c.kind, harness.KindOf(err))
		})
	}
	failures := engine.Report{Ended: []harness.SessionEnd{crash, {Outcome: harness.OutcomeOK}, refused, half}}.Failures()
	require.Len(t, failures, 3)
	require.EqualError(t, failures[0], "session s1: app_crash: killed by signal 6")
	require.EqualError(t, failures[2], "session s3: timeout")
	assert.Equal(t, harness.KindInconclusive, harness.KindOf(failures[0]))
	assert.Equal(t, harness.KindDevice, harness.KindOf(failures[1]))
}
