package engine

import "github.com/lilims/bench/harness"

// Progress is where a device stands, for people.
type Progress struct {
	Device   harness.Device
	Session  string // planned session, empty before the first
	Place    int    // of the session among the device's, from 1
	Sessions int    // of the device
	Step     string // "copying model", "generating", …
	Done     int64  // of the step; Total 0: not known
	Total    int64

	Iteration  int // from 0, while generating
	Iterations int // warm-ups included; 0: until the time is up
	Warmup     bool
	Tokens     int      // of the iteration so far
	TokS       *float64 // of the iteration so far
}

func (d *device) tell(p Progress) {
	if d.Progress == nil {
		return
	}
	p.Device, p.Session, p.Place, p.Sessions = d.device, d.planned.ID, d.place, len(d.sessions)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Progress(p)
}

func (d *device) step(p harness.Progress) {
	d.tell(Progress{Step: p.Step, Done: p.Done, Total: p.Total})
}
