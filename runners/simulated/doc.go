// Package simulated is a modelled device on a virtual clock: hours of thermal behaviour in milliseconds, seeded, the
// same on every machine. It is a [harness.Runner]: sessions go in, and out come the event lines that an app would write,
// battery readings that a gauge would give, and ways to end. Its numbers are synthetic by name (harness.KindSimulated)
// and say nothing of a phone; it must never be taken for one. What it is for: exercising engine, store, statistics,
// gate and reports with behaviour of the right shape, and demonstrating the harness without a device.
//
// # The model
//
// Constants stand in physics.go. Shapes follow published ten-minute runs of phones: most of the loss comes in the first
// minute, a large model keeps 55 to 70 % of its speed, a small one on the Neural Engine nearly all, and the thermal
// state that the system reports lags behind the loss.
//
//	decode     seconds per token = (t0 + (bytes + k*depth) / bandwidth) / (unit * session * build * f(T) * e^noise)
//	           noise is AR(1) over iterations plus white noise over tokens; one token in 200 stalls for three times as long
//	prefill    seconds = t0 + 2 * parameters * n / (flops * unit * session * build * f(T)); a process's first takes 1.5 times that
//	throttle   f(T) = 1 below 33 °C, falling by 4 % a degree to no less than 0.45, T the temperature below the case
//	heat       two bodies: dT/dt = (T_case - T)/14 s + 0.2 K/J * (P - 0.4 W), dT_case/dt = (T_ambient - T_case)/300 s + 0.018 K/J * P
//	power      P = idle + (peak - idle) * load * f(T)^1.4 while generating, idle otherwise, each second with 3 % of noise;
//	           load = 0.25 + 0.75 * bytes / 1 GB, at most 1
//	state      fair, serious, critical from 31, 35 and 45 °C of the case; half a degree lower on the way down
//	battery    charge falls by P; voltage = 3.45 V + 0.75 V * charge; the gauge adds one reading of P in mW every second
//	           and publishes about every 15 s
//	memory     footprint = 38 MB + 6 % of the model (weights are mapped, not dirty) + cache of the tokens so far
//	load       first ever 1.2 s + 9 s/GB (compiles), cold 0.2 s + 0.7 s/GB
//
// # Builds
//
// All builds behave alike but for words in their configuration ("Release speed=0.85 memory=1.2 power=1.5 perplexity=1.05 other=20 cpu=3"):
// speed is a factor on the pace of everything that is computed, memory one on the footprint, power one on what the work draws
// above idle, and so on the heat; perplexity is one on that; from token number "other" on another text is generated, and so many
// operations of decode are left to the CPU, which by itself costs nothing. They make a regression to be found, or none.
//
// # Faults
//
// LILIMS_FAULT in a task's environment, as with every agent of this repository: see [Fault].
package simulated
