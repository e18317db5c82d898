package simulated

import (
	"fmt"
	"strconv"
	"strings"
)

// FaultVariable is the variable of a task's environment that names a [Fault], here as in every agent for tests.
const FaultVariable = "LILIMS_FAULT"

// Fault is a way for a launch to go wrong: what happens, at which token or line of the launch (counted from 1).
//
//	crash@token:N    the process dies of a signal after N-1 tokens
//	jetsam@token:N   the system kills it there for memory
//	hang@token:N     nothing more happens
//	oom@token:N      it reports an error and ends in order, with exit code 4
//	clock@token:N    the monotonic clock goes back by ten seconds
//	lost@token:N     the cable comes out; the app goes on
//	hot@token:N      the sun comes out: the case has 47 °C at once, which is critical, and cools from there
//	slow@token:N     from there on every token takes four times as long
//	garble@line:N    line N is damaged
//	tear@line:N      the process dies of a signal with half of line N written
//	gap@line:N       line N is never written
//	exit@load        the process ends with code 9 while the model loads
//	payload@load     a MetricKit payload lies beside the events (no harm done)
type Fault struct {
	What, Where string
	N           int
}

// ParseFault reads a fault. Empty is none.
func ParseFault(text string) (Fault, error) {
	if text == "" {
		return Fault{}, nil
	}
	what, place, _ := strings.Cut(text, "@")
	where, number, counted := strings.Cut(place, ":")
	f := Fault{What: what, Where: where}
	known := map[string]string{"crash": "token", "jetsam": "token", "hang": "token", "oom": "token", "clock": "token", "lost": "token",
		"slow": "token", "hot": "token", "garble": "line", "tear": "line", "gap": "line", "exit": "load", "payload": "load"}
	if known[what] == "" || known[what] != where {
		return Fault{}, fmt.Errorf("%s=%q: no such fault", FaultVariable, text)
	}
	if counted == (where == "load") {
		return Fault{}, fmt.Errorf("%s=%q: %s wants a number after token or line, and none after load", FaultVariable, text, what)
	}
	if counted {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return Fault{}, fmt.Errorf("%s=%q: %q is not a number from 1", FaultVariable, text, number)
		}
		f.N = n
	}
	return f, nil
}
