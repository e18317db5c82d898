// Package gate turns two arms of measurements into verdicts. In come series of sessions and a rule, out comes a
// [harness.Verdict] with every step of its reasoning. It measures nothing, waits for nothing and knows no clock.
//
// # The rule
//
// Sessions of the two builds are interleaved on one device and paired. For pair j the loss L_j is the log ratio of the
// sessions' medians, signed so that positive is worse: log(B/C) where higher is better, log(C/B) where lower is. For a
// threshold t the limit T is -log(1-t) where higher is better and log(1+t) where lower is; the guard G is the same map
// of 0.8 t.
//
// The losses are clipped at three borrowed standard deviations from their median, averaged, and given a t interval
// whose variance is moderated by the noise of the build against itself ([stats.Moderate]). At 5, 8, 12 and 16 pairs
// the rule looks, each time with a quarter of the error budget:
//
//   - regression when the estimate is above T and the interval's lower end above G;
//   - pass when the interval's upper end is below T: a pass is earned, never the mere absence of proof;
//   - otherwise more pairs. After the last look an estimate at or below T is near_threshold, above it inconclusive.
//
// Improvement is the mirror image of regression. In strict mode G is T: the gate then says regression only where a loss
// above the threshold is itself proven.
//
// # What it claims
//
// A regression verdict says that the loss is larger than the guard (8 % for a threshold of 10 %) with at most 5 % error
// over all looks, and that its best estimate is above the threshold. A pass says that the loss is below the threshold
// with at most 5 % error. Both hold for the device that was measured; a second device is another measurement.
package gate
