package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/preflight"
)

// attempts is how often a planned session is launched in one execution when the reason lies in the lab: a lost device,
// a launch that could not be made. A crash or a hang of the app is a result, and stands.
const attempts = 2

// needBytes is the free space that a launch may need on the device for its events and payloads.
const needBytes = 64 << 20

// device is one device's part of the plan, worked off by one goroutine.
type device struct {
	*execution
	device   harness.Device
	handle   harness.Handle
	clock    harness.Clock
	sessions []harness.PlannedSession
	planned  harness.PlannedSession // the current one
	place    int                    // of the current one, from 1
	current  *sink                  // of the launch in progress; nil before it has begun
}

// open takes hold of every device that has something to do and looks at its state. All that is wrong comes back at once. Devices
// are taken in the order of their UDIDs: two runs that wait for each other's would otherwise wait for ever.
func (x *execution) open(ctx context.Context) ([]*device, error) {
	var devices []*device
	byUDID := map[string]*device{}
	for _, p := range x.run.Plan.Sessions {
		if p.Case < 0 || p.Case >= len(x.run.Plan.Cases) {
			return nil, &harness.Error{Kind: harness.KindInternal, Op: "read the plan", Err: fmt.Errorf("session %s names no case", p.ID)}
		}
		target := x.run.Plan.Cases[p.Case].Device
		d := byUDID[target.UDID]
		if d == nil {
			d = &device{execution: x, device: target, clock: x.Clock}
			byUDID[target.UDID] = d
			devices = append(devices, d)
		}
		d.sessions = append(d.sessions, p)
	}
	slices.SortFunc(devices, func(a, b *device) int { return strings.Compare(a.device.UDID, b.device.UDID) })
	var errs []error
	opened := devices[:0]
	for _, d := range devices {
		if !d.hasWork() {
			continue
		}
		if err := d.open(ctx); err != nil {
			errs = append(errs, err)
			continue
		}
		opened = append(opened, d)
		if err := d.preflight(ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return opened, errors.Join(errs...)
}

func (d *device) hasWork() bool {
	for _, p := range d.sessions {
		if _, done := d.endOf[p.ID]; !done {
			return true
		}
	}
	return false
}

func (d *device) open(ctx context.Context) error {
	handle, err := d.Runner.Open(ctx, d.device)
	if err != nil {
		return named(err, "open device", d.device)
	}
	d.handle = handle
	if timed, ok := handle.(harness.Timed); ok {
		d.clock = timed.Clock()
	}
	return nil
}

func (d *device) close() {
	if d.handle != nil {
		_ = d.handle.Close()
		d.handle = nil
	}
}

// preflight refuses a device that no waiting will make fit.
func (d *device) preflight(ctx context.Context) error {
	state, err := d.handle.State(ctx)
	if err != nil {
		return named(err, "read state", d.device)
	}
	first := d.run.Plan.Cases[d.sessions[0].Case].Scenario
	if decision := preflight.Check(state, d.device, d.Policy, first, needBytes); decision.Answer == preflight.Refuse {
		return unfit(d.device, decision.Reason(), decision.Hint)
	}
	return nil
}

func unfit(device harness.Device, reason, hint string) error {
	return &harness.Error{Kind: harness.KindDevice, Op: "begin session", Device: label(device), Err: errors.New(reason), Hint: hint}
}

func label(d harness.Device) string { return fmt.Sprintf("%s (%s)", d.Name, d.UDID) }

// named gives an error of a runner its kind and device where it has none.
func named(err error, op string, device harness.Device) error {
	var known *harness.Error
	if errors.As(err, &known) && known.Device != "" {
		return err
	}
	kind := harness.KindInternal
	if known != nil {
		kind = known.Kind
	}
	return &harness.Error{Kind: kind, Op: op, Device: label(device), Err: err, Hint: harness.HintOf(err)}
}

// loop works off the device's sessions in order.
func (d *device) loop(ctx context.Context) {
	for i, p := range d.sessions {
		d.planned, d.place = p, i+1
		if _, done := d.finished(p.ID); done {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if err := d.work(ctx); err != nil {
			d.fail(err)
			left := len(d.sessions) - i - 1
			if ctx.Err() == nil && left > 0 {
				d.note(ctx, "device", fmt.Sprintf("%s: %d further sessions wait for the run to be resumed", label(d.device), left))
			}
			return
		}
	}
}

func (d *device) finished(planned string) (int, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, ok := d.endOf[planned]
	return at, ok
}

// note records something of the run that belongs to no launch.
func (d *device) note(ctx context.Context, what, text string) {
	// An error has stopped the run already; there is nobody else to tell.
	_ = d.record(ctx, harness.Entry{Notice: &harness.Notice{What: what, Text: text, At: d.clock.Now()}})
}

// work makes one planned session: collects a launch that was cut off, then launches until an attempt stands. An error
// means that the device can do no more in this execution.
func (d *device) work(ctx context.Context) error {
	past := d.history[d.planned.ID]
	attempt := len(past) + 1
	if n := len(past); n > 0 && past[n-1].End == nil {
		end, err := d.collect(ctx, past[n-1])
		if err != nil || stands(end.Outcome) {
			return err
		}
	}
	for made := 1; ; made++ {
		d.current = nil
		end, err := d.launch(ctx, attempt)
		if err == nil && stands(end.Outcome) || ctx.Err() != nil {
			return err
		}
		if err == nil {
			err = &harness.Error{Kind: harness.KindDevice, Op: "run session " + d.planned.ID, Device: label(d.device), Err: errors.New(end.Reason),
				Hint: "Reconnect the device and resume the run: what the app finished meanwhile is collected."}
		}
		if made == attempts || !retried(err) {
			return err
		}
		d.note(ctx, "retry", fmt.Sprintf("session %s: trying again after: %v", d.planned.ID, err))
		if done, err := d.recover(ctx); done || err != nil {
			return err
		}
		if d.current != nil {
			attempt++
		}
	}
}

// recover takes hold of the device again and collects the launch that contact was lost with. Done means that the launch had
// come to its end meanwhile.
func (d *device) recover(ctx context.Context) (done bool, err error) {
	d.close()
	if err = d.open(ctx); err != nil {
		return false, err
	}
	if d.current == nil {
		return false, nil // it never came to a launch
	}
	end, err := d.collect(ctx, d.current.state())
	return err == nil && stands(end.Outcome), err
}

// retried reports whether a second launch may help: the device, not what runs on it, was the trouble.
func retried(err error) bool {
	kind := harness.KindOf(err)
	return kind == harness.KindDevice || kind == harness.KindInternal
}
