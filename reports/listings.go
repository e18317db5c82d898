package reports

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
)

// listingSchema is the version of the form of every listing as JSON: it is raised when a field goes or changes its meaning.
const listingSchema = 1

// ListingJSON writes a document of schema and one list. An empty list is [], not null.
func ListingJSON[T any](w io.Writer, name string, list []T) error {
	return Indented(w, map[string]any{"schema": listingSchema, name: append([]T{}, list...)})
}

// ListedDevice is a device, and who has it now.
type ListedDevice struct {
	harness.Device
	InUseBy string `json:"in_use_by,omitempty"` // run, process and since when; "": nobody
}

// Devices writes what can be measured on, and of devices that are in use by whom.
func Devices(w io.Writer, all []ListedDevice) error {
	inUse := slices.ContainsFunc(all, func(d ListedDevice) bool { return d.InUseBy != "" })
	rows := [][]string{{"NAME", "KIND", "MODEL", "OS", "UDID"}}
	if inUse {
		rows[0] = append(rows[0], "IN USE BY")
	}
	for _, d := range all {
		row := []string{d.Name, string(d.Kind), strings.TrimSpace(d.Marketing + " " + d.ProductType),
			strings.TrimSpace(d.OSVersion + " " + d.OSBuild), d.UDID}
		if inUse {
			row = append(row, d.InUseBy)
		}
		rows = append(rows, row)
	}
	return Columns(w, rows)
}

// Plan writes the sessions of a plan in their order.
func Plan(w io.Writer, plan harness.Plan) error {
	rows := [][]string{{"SESSION", "DEVICE", "MODEL", "SCENARIO", "ARM", "PAIR", "ITERATIONS"}}
	for _, p := range plan.Sessions {
		c := plan.Cases[p.Case]
		rows = append(rows, []string{p.ID, c.Device.Name, c.Model.Name, c.Scenario.Name, string(p.Arm), strconv.Itoa(p.Pair),
			iterationsText(c.Scenario)})
	}
	return Columns(w, rows)
}

func iterationsText(s harness.Scenario) string {
	if s.Duration > 0 {
		return "for " + s.Duration.String()
	}
	out := fmt.Sprintf("%d + %d warm-up", s.Iterations, s.Warmups)
	if s.MinimumWork > 0 {
		out += ", at least " + s.MinimumWork.String()
	}
	return out
}

// PlanJSON writes the plan for programs: its fields beside the schema.
func PlanJSON(w io.Writer, plan harness.Plan) error {
	return Indented(w, struct {
		Schema int `json:"schema"`
		harness.Plan
	}{listingSchema, plan})
}
