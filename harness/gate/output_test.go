package gate

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestAgreement(t *testing.T) {
	half := 0.5
	for name, c := range map[string]struct {
		baseline, candidate []int32
		limit               *float64
		want                harness.Judgement
		says                string
	}{
		"the same": {[]int32{1, 2, 3}, []int32{1, 2, 3}, nil, harness.Pass, "the same 3 tokens"},
		"one other": {[]int32{
			1, 2, 3, 4,
		}, []int32{1, 2, 9, 4}, nil, harness.Differs, "output differs: 75 % of 4 tokens are the same, the first that differs is number 3"},
		"ends early": {
			[]int32{1, 2, 3, 4}, []int32{1, 2}, nil, harness.Differs, "50 % of 4 tokens are the same, the first that differs is number 3",
		},
		"within a limit":           {[]int32{1, 2, 3, 4}, []int32{1, 2, 9, 4}, &half, harness.Differs, "75 %"},
		"beyond a limit":           {[]int32{1, 2, 3, 4}, []int32{9, 2, 9, 9}, &half, harness.OverLimit, "number 1"},
		"other from the beginning": {[]int32{1}, []int32{2}, nil, harness.Differs, "0 %"},
	} {
		t.Run(name, func(t *testing.T) {
			a, ok := Agree(c.baseline, c.candidate)
			require.True(t, ok, "nothing to compare")
			got := JudgeAgreement("c", a, c.limit)
			assert.Equal(t, c.want, got.Judgement)
			assert.Contains(t, got.Reason, c.says)
		})
	}
	_, ok := Agree(nil, []int32{1})
	assert.False(t, ok, "an arm without tokens agrees or disagrees")
}

func TestPlacementDifferences(t *testing.T) {
	most := func(function, unit string) harness.Placement {
		return harness.Placement{Function: function, Unit: unit, Count: 100}
	}
	some := func(function, unit string, operations ...string) harness.Placement {
		return harness.Placement{Function: function, Unit: unit, Count: len(operations), Operations: operations}
	}
	for name, c := range map[string]struct {
		baseline, candidate []harness.Placement
		want                []string
	}{
		"not reported": {nil, []harness.Placement{most("decode", "cpu")}, nil},
		"the same": {[]harness.Placement{
			most("decode", "gpu"), some("decode", "cpu", "topk_0"),
		}, []harness.Placement{some("decode", "cpu", "topk_0"), most("decode", "gpu")}, nil},
		"fallen to the CPU": {[]harness.Placement{most("decode", "neural_engine")}, []harness.Placement{
			most("decode", "neural_engine"), some("decode", "cpu", "conv_2", "conv_1"),
		},
			[]string{"placement: 2 operations of decode on the CPU, not the Neural Engine: conv_1, conv_2"}},
		"all elsewhere": {[]harness.Placement{most("decode", "neural_engine"), most("prefill", "gpu")}, []harness.Placement{
			most("decode", "gpu"), some("decode", "cpu", "x"), most("prefill", "gpu"),
		},
			[]string{"placement: most operations of decode run on the GPU, not the Neural Engine"}},
		"back on the engine, many": {[]harness.Placement{
			most("prefill", "gpu"), some("prefill", "cpu", "a", "b", "c", "d", "e"),
		}, []harness.Placement{most("prefill", "gpu")},
			[]string{"placement: 5 operations of prefill on the GPU, not the CPU: a, b, c, d and more"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := PlacementDifferences(c.baseline, c.candidate)
			assert.True(t, slices.Equal(got, c.want), "%q, want %q", got, c.want)
		})
	}
}
