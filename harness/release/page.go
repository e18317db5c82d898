package release

import (
	"time"

	"github.com/lilims/bench/harness"
)

// Status is what a check says.
type Status string

const (
	Pass        Status = "pass"
	Fail        Status = "fail"
	NotMeasured Status = "not measured"
)

// Names of the checks.
const (
	CheckMemory = "memory"
	CheckSoak   = "soak"
	CheckClaim  = "claim"
	CheckSize   = "size"
)

// Evidence is one number that a check rests on, in base units, with where it is from.
type Evidence struct {
	What       string             `json:"what"`
	Value      float64            `json:"value"`
	Unit       string             `json:"unit"`
	Calculated bool               `json:"reckoned,omitempty"` // from sizes, not from a run
	Run        string             `json:"run,omitempty"`
	Device     string             `json:"device,omitempty"`
	Kind       harness.DeviceKind `json:"kind,omitempty"`
	Build      string             `json:"build,omitempty"` // revision, or the hash's beginning
	Sessions   int                `json:"sessions,omitempty"`
	At         *time.Time         `json:"at,omitempty"`
}

// Synthetic reports whether no iPhone gave the number.
func (e Evidence) Synthetic() bool {
	return !e.Calculated && e.Kind != "" && e.Kind != harness.KindIPhone
}

// Check is one promise with its answer.
type Check struct {
	Name     string     `json:"gate"`  // the field is called as in the first form of this page
	About    string     `json:"about"` // "iPhone 15, stories-1m, soak"
	Metric   string     `json:"metric"`
	Status   Status     `json:"status"`
	Bound    *float64   `json:"bound,omitempty"` // base units
	AtLeast  bool       `json:"at_least"`        // the bound is a least; otherwise a most
	Unit     string     `json:"unit"`
	Value    *float64   `json:"value,omitempty"` // what is compared with the bound: the worst of the evidence
	Reason   string     `json:"reason,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
	Remarks  []string   `json:"remarks,omitempty"`
}

// judge compares the worst of the check's evidence with its bound. Without evidence the check is not measured, for the
// reason that it has.
func (c Check) judge() Check {
	if c.Status = NotMeasured; c.Bound == nil || len(c.Evidence) == 0 {
		c.Value = nil
		return c
	}
	worst := c.Evidence[0].Value
	for _, e := range c.Evidence[1:] {
		if c.AtLeast {
			worst = min(worst, e.Value)
		} else {
			worst = max(worst, e.Value)
		}
	}
	c.Value, c.Status = &worst, Pass
	if c.AtLeast && worst < *c.Bound || !c.AtLeast && worst > *c.Bound {
		c.Status = Fail
	}
	return c
}

// Page is all checks of a release.
type Page struct {
	Claims string    `json:"claims"`
	Model  string    `json:"model"`
	At     time.Time `json:"at"`
	Status Status    `json:"status"`
	Checks []Check   `json:"gates"` // the field is called as in the first form of this page
}

// NewPage puts checks on a page. A failure outweighs what was not measured.
func NewPage(claims harness.Claims, model string, at time.Time, checks []Check) Page {
	p := Page{Claims: claims.Name, Model: model, At: at, Status: Pass, Checks: checks}
	if len(checks) == 0 {
		p.Status = NotMeasured
	}
	for _, c := range checks {
		switch {
		case c.Status == Fail:
			p.Status = Fail
		case c.Status == NotMeasured && p.Status == Pass:
			p.Status = NotMeasured
		}
	}
	return p
}

// Synthetic lists the kinds of devices, iPhones aside, that the page's numbers are from.
func (p Page) Synthetic() []harness.DeviceKind {
	var out []harness.DeviceKind
	seen := map[harness.DeviceKind]bool{}
	for _, c := range p.Checks {
		for _, e := range c.Evidence {
			if e.Synthetic() && !seen[e.Kind] {
				seen[e.Kind] = true
				out = append(out, e.Kind)
			}
		}
	}
	return out
}

// Count is how many checks have a status.
func (p Page) Count(s Status) int {
	n := 0
	for _, c := range p.Checks {
		if c.Status == s {
			n++
		}
	}
	return n
}
