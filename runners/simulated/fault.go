package simulated

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is a way for a launch to go wrong, as BENCH_FAULT in its environment says: a kind, and where it happens, as
// "crash", "crash:1" (iteration 1) or "crash:1:10" (after its token 10). Iterations count from 0, warm-ups included.
//
//	crash     the process dies of a signal
//	jetsam    the system kills it for memory
//	exit      it reports an error and ends with exit code 3
//	hang      nothing more happens
//	garble    one line arrives damaged
//	gap       one line is never written
//	clock     the monotonic clock goes back by ten seconds
//	lost      the cable comes out; the app goes on
//	payload   a MetricKit payload lies beside the events (no harm done)
//	slow      every token takes four times as long
type Fault struct {
	Kind             string
	Iteration, Token int
}

// ParseFault reads BENCH_FAULT. Empty is no fault.
func ParseFault(text string) (Fault, error) {
	if text == "" {
		return Fault{}, nil
	}
	parts := strings.Split(text, ":")
	f := Fault{Kind: parts[0]}
	switch f.Kind {
	case "crash", "jetsam", "exit", "hang", "garble", "gap", "clock", "lost", "payload", "slow":
	default:
		return Fault{}, fmt.Errorf("BENCH_FAULT %q: unknown kind %q", text, f.Kind)
	}
	for i, into := range []*int{&f.Iteration, &f.Token} {
		if len(parts) <= i+1 {
			break
		}
		n, err := strconv.Atoi(parts[i+1])
		if err != nil || n < 0 {
			return Fault{}, fmt.Errorf("BENCH_FAULT %q: %q is not a number from 0", text, parts[i+1])
		}
		*into = n
	}
	return f, nil
}

// due reports whether the fault of that kind strikes at this token of this iteration.
func (f Fault) due(kind string, iteration, token int) bool {
	return f.Kind == kind && f.Iteration == iteration && f.Token == token
}
