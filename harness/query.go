package harness

import "time"

// RunQuery selects runs. Empty fields select all; words fit where a name contains them, whatever their case.
type RunQuery struct {
	Device   string // name, UDID or product type
	Model    string
	Scenario string
	Since    time.Time
	Limit    int // the latest; 0: all
}

// SeriesQuery selects launches and what to read of them. Empty fields select all.
type SeriesQuery struct {
	Case   string // Case.Key
	UDID   string
	Metric string // one metric, required by Series
	Arm    Arm
	Run    string
	Since  time.Time
	Paired bool // only of runs that have launches of both arms; needs Case and UDID

	// Summary asks for three readings in place of all of a launch: the lowest, the median, the highest; for all where
	// there are fewer. They have the same median, which is what comparisons and trends go by, and need no block opened.
	Summary bool
}
