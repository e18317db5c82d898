package gate_test

import (
	"fmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/gate"
)

// Eight pairs of sessions whose candidate decodes 15 % slower, judged at a threshold of 10 %.
func ExampleJudge() {
	metric, _ := harness.MetricNamed("decode")
	series := gate.Series{Case: "iPhone15,4/story/chat", Metric: metric}
	for _, speed := range []float64{20.1, 19.8, 20.4, 20.0, 19.9, 20.2, 20.3, 19.7} { // tok/s
		series.Baseline = append(series.Baseline, []float64{speed, speed * 1.01, speed * 0.99})
		series.Candidate = append(series.Candidate, []float64{speed * 0.85, speed * 0.86, speed * 0.84})
	}
	judged, err := gate.Judge(series, gate.Rule{Threshold: 0.10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(judged.Judgement, "after", len(series.Baseline), "pairs")
	// Output: regression after 8 pairs
}
