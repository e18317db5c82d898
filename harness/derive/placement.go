package derive

import (
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/wire"
)

// Placements are what the app has said of where its model's operations are to run, in the order of its lines. Lines that
// cannot be read, or are of a later version, are passed over.
func Placements(lines []harness.EventLine) []harness.Placement {
	var out []harness.Placement
	for _, l := range lines {
		if !strings.Contains(l.Text, `"`+string(wire.Placement)+`"`) {
			continue
		}
		e := wire.DecodeLine(l.Number, []byte(l.Text)).Event
		if e == nil || e.Kind != wire.Placement || e.Newer() || e.Count == nil {
			continue
		}
		placement := harness.Placement{Function: e.Function, Unit: e.Unit, Count: *e.Count}
		if e.Operations != "" {
			placement.Operations = strings.Fields(e.Operations)
		}
		out = append(out, placement)
	}
	return out
}
