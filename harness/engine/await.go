package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/preflight"
)

// Pace of looking at a device that is not fit yet.
const (
	firstLook = 5 * time.Second
	longest   = time.Minute
	// confirming is the pause before the probe that confirms a device's first cold reference: long enough for a chip that
	// was at work to get faster by more than a tolerance, if it was warm.
	confirming = 15 * time.Second
)

// wait is the time before a session: looking at the device until it is fit.
type wait struct {
	d       *device
	begin   harness.SessionBegin
	entries []harness.Entry // of the session, which begins after
	since   time.Time
	told    string // the last reason that was noted
	probes  int
	first   *preflight.Probe // not yet confirmed as the device's cold reference
}

func (w *wait) note(what, text string) {
	w.entries = append(w.entries, harness.Entry{Session: w.begin.ID,
		Notice: &harness.Notice{Session: w.begin.ID, What: what, Text: text, At: w.d.clock.Now()}})
}

// await looks at the device until it is fit, on its clock, at most as long as the policy says. What it waited for comes
// back as entries of the session, which begins after.
func (d *device) await(ctx context.Context, begin harness.SessionBegin) (harness.DeviceState, []harness.Entry, preflight.Decision, error) {
	w := &wait{d: d, begin: begin, since: d.clock.Now()}
	for pause := firstLook; ; pause = min(pause*3/2, longest) {
		state, decision, err := w.look(ctx)
		if err != nil {
			return state, w.entries, decision, err
		}
		waited := d.clock.Now().Sub(w.since)
		if decision.Answer != preflight.Wait {
			if w.told != "" {
				w.note("wait", fmt.Sprintf("waited %v", waited.Round(time.Second)))
			}
			return state, w.entries, decision, nil
		}
		if now := decision.Reason(); w.told == "" {
			w.told = now
			w.note("wait", "waiting: "+now)
		}
		left := d.Policy.CoolDownLimit - waited
		if left <= 0 && w.first != nil {
			w.note(
				"probe", fmt.Sprintf("no time is left to confirm the cold reference after %v: the session goes on without", waited.Round(time.Second)),
			)
			return state, w.entries, preflight.Decision{Answer: preflight.Go}, nil
		}
		if left <= 0 {
			decision.Answer = preflight.Refuse
			decision.Reasons = append(decision.Reasons, fmt.Sprintf("unchanged after %v", waited.Round(time.Second)))
			decision.Hint = "Let the device cool in a cooler place, or raise cool_down_limit in the policy."
			if w.probes > 0 {
				decision.Hint += " If the cold reference was measured too fast, take a new one with --renew-reference."
			}
			return state, w.entries, decision, nil
		}
		d.tell(Progress{Step: "waiting: " + decision.Reason(), Done: int64(waited.Seconds()), Total: int64(d.Policy.CoolDownLimit.Seconds())})
		if w.first != nil {
			pause = max(pause, confirming)
		}
		if err := d.clock.Sleep(ctx, min(pause, left)); err != nil {
			return state, w.entries, decision, err
		}
	}
}

// look asks the device for its state and, where that is good, how fast it is.
func (w *wait) look(ctx context.Context) (harness.DeviceState, preflight.Decision, error) {
	state, err := w.d.handle.State(ctx)
	if err != nil {
		return state, preflight.Decision{}, named(err, "read state", w.d.device)
	}
	decision := preflight.Check(state, w.d.device, w.d.Policy, w.begin.Case.Scenario, needBytes)
	if decision.Answer != preflight.Go || w.d.References == nil || !preflight.Probed(w.d.device, w.d.Policy, w.begin.Case.Scenario) {
		return state, decision, nil
	}
	if w.begin.Prepared.FirstEver {
		w.note("probe", "no probe: it would be the first launch after the install, which the session is to measure")
		return state, decision, nil
	}
	probed, err := w.probe(ctx, state)
	if err != nil || probed.Answer == preflight.Go {
		return state, decision, err
	}
	return state, probed, nil
}
