package wire_test

import (
	"fmt"

	"github.com/lilims/bench/harness/wire"
)

// A line is an event, or garbled with the reason; its text is kept either way.
func ExampleDecodeLine() {
	for i, text := range []string{
		`{"v":1,"seq":7,"at_ns":1000000,"kind":"tokens","iteration":1,"first":0,"ids":[306],"at":[990000],"text":" cat"}`,
		`{"v":1,"seq":8,"at_ns":10`,
	} {
		line := wire.DecodeLine(i+1, []byte(text))
		if line.Garbled != nil {
			fmt.Printf("line %d is garbled: %d bytes kept\n", line.Number, len(line.Text))
			continue
		}
		fmt.Printf("line %d: %s %q at %d ns\n", line.Number, line.Event.Kind, line.Event.Text, line.Event.At[0])
	}
	// Output:
	// line 1: tokens " cat" at 990000 ns
	// line 2 is garbled: 25 bytes kept
}
