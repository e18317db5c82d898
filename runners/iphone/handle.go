package iphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/battery"
	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/instruments"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
	"github.com/lilims/bench/runners/iphone/internal/tether"
	"github.com/lilims/bench/runners/iphone/internal/tunnel"
)

// askLimit bounds one question to a phone that answers from memory.
const askLimit = 20 * time.Second

// Handle is one phone, held for a run. One goroutine uses it.
type Handle struct {
	*Runner
	phone   *tether.Phone
	device  harness.Device
	log     *slog.Logger
	version [3]int // of iOS

	container       *afc.Client // of the app named by containerBundle; nil: not open
	containerBundle string
	control         *control
}

var (
	_ harness.Runner = (*Runner)(nil)
	_ harness.Handle = (*Handle)(nil)
	_ harness.Gauge  = (*Handle)(nil)
)

// open checks everything that a launch will need but the app itself, so that what is wrong with the phone is said
// before anything is copied.
func (h *Handle) open(ctx context.Context) error {
	lockdown, err := h.trusted(ctx)
	if err != nil {
		return err
	}
	defer lockdown.Close()
	v, err := lockdown.Value(ctx, "", "ProductVersion")
	if err != nil {
		return err
	}
	text, _ := v.(string)
	if h.version, err = parseVersion(text); err != nil {
		return err
	}
	_, err = h.reach(ctx)
	return err
}

// trusted opens a lockdown session, and asks the phone for its trust if it does not know this host.
func (h *Handle) trusted(ctx context.Context) (*tether.Lockdown, error) {
	lockdown, err := h.phone.Lockdown(ctx)
	if !errors.Is(err, tether.ErrNotPaired) {
		return lockdown, err
	}
	if err := h.phone.Pair(ctx, h.options.Clock.Now()); err != nil {
		return nil, err
	}
	return h.phone.Lockdown(ctx)
}

// parseVersion reads "18.6" or "17.4.1".
func parseVersion(text string) ([3]int, error) {
	var v [3]int
	if n, _ := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2]); n == 0 {
		return v, fmt.Errorf("the phone's version of iOS is %q", text)
	}
	return v, nil
}

// Close lets go of the phone. An app that runs goes on.
func (h *Handle) Close() error {
	h.dropFiles()
	h.dropControl()
	return nil
}

// control is the way to the phone's processes: through the tunnel from iOS 17.4.1 on, by lockdown before.
type control struct {
	tunnel *tunnel.Tunnel // nil up to iOS 16
	hub    *instruments.Hub
}

func (c *control) alive() bool {
	select {
	case <-c.hub.Done():
		return false
	default:
		return true
	}
}

func (c *control) close() {
	_ = c.hub.Close()
	if c.tunnel != nil {
		_ = c.tunnel.Close()
	}
}

// reach returns the way to the phone's processes, and opens it where there is none.
func (h *Handle) reach(ctx context.Context) (*control, error) {
	if h.control != nil && h.control.alive() {
		return h.control, nil
	}
	h.dropControl()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var err error
	switch v := h.version; {
	case v[0] < 17:
		h.control, err = h.reachByLockdown(ctx)
	case v[0] == 17 && (v[1] < 4 || v[1] == 4 && v[2] == 0):
		err = errOldTunnel
	default:
		h.control, err = h.reachByTunnel(ctx)
	}
	return h.control, err
}

func (h *Handle) reachByLockdown(ctx context.Context) (*control, error) {
	conn, err := h.phone.Service(ctx, instruments.LockdownService)
	var refused *tether.LockdownError
	if errors.As(err, &refused) && refused.Reason == "InvalidService" {
		return nil, fmt.Errorf("%w (%w)", errNoImage, err)
	}
	if err != nil {
		return nil, err
	}
	hub, err := instruments.Open(ctx, conn)
	if err != nil {
		return nil, err
	}
	return &control{hub: hub}, nil
}

func (h *Handle) reachByTunnel(ctx context.Context) (*control, error) {
	proxy, err := h.phone.Service(ctx, tunnel.Service)
	if err != nil {
		return nil, err
	}
	t, err := tunnel.Open(ctx, proxy)
	if err != nil {
		return nil, err
	}
	hub, err := openHub(ctx, t)
	if err != nil {
		_ = t.Close()
		return nil, err
	}
	return &control{t, hub}, nil
}

func openHub(ctx context.Context, t *tunnel.Tunnel) (*instruments.Hub, error) {
	conn, err := t.Dial(ctx, instruments.TunnelService)
	var missing *tunnel.NoService
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("%w (%w)", errNoImage, err)
	}
	if err != nil {
		return nil, err
	}
	return instruments.Open(ctx, conn)
}

func (h *Handle) dropControl() {
	if h.control != nil {
		h.control.close()
		h.control = nil
	}
}

// files opens the app's container, or returns the open one.
func (h *Handle) files(ctx context.Context, bundleID string) (*afc.Client, error) {
	if h.container != nil && h.containerBundle == bundleID {
		return h.container, nil
	}
	h.dropFiles()
	c, err := h.openContainer(ctx, bundleID)
	if err != nil {
		return nil, err
	}
	h.container, h.containerBundle = c, bundleID
	return c, nil
}

// withFiles uses the app's container. A connection that was opened earlier may have died since: then it is opened anew
// and used once more, so that use must bear being begun again.
func (h *Handle) withFiles(ctx context.Context, bundleID string, use func(*afc.Client) error) error {
	for {
		fresh := h.container == nil || h.containerBundle != bundleID
		files, err := h.files(ctx, bundleID)
		if err != nil {
			return err
		}
		if err = use(files); !lost(err) {
			return err
		}
		h.dropFiles()
		if fresh || ctx.Err() != nil {
			return err
		}
	}
}

// dropFiles forgets the connection, after it broke or before the app is replaced.
func (h *Handle) dropFiles() {
	if h.container != nil {
		_ = h.container.Close()
		h.container = nil
	}
}

// errNoApp says that the phone has no container for the app.
var errNoApp = errors.New("the app is not installed")

// openContainer asks for an app's container; from the answer on the connection speaks AFC.
func (h *Handle) openContainer(ctx context.Context, bundleID string) (*afc.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	conn, err := h.phone.Service(ctx, "com.apple.mobile.house_arrest")
	if err != nil {
		return nil, err
	}
	var answer struct{ Status, Error string }
	err = guard.Do(ctx, conn, func() error {
		return plistio.Ask(conn, map[string]any{"Command": "VendContainer", "Identifier": bundleID}, &answer)
	})
	if err == nil && answer.Status != "Complete" {
		err = &containerError{bundleID, answer.Error}
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open the container of %s: %w", bundleID, err)
	}
	return afc.New(conn), nil
}

// containerError is the phone's refusal to open a container.
type containerError struct{ bundleID, reason string }

func (e *containerError) Error() string {
	if e.reason == "ApplicationLookupFailed" || e.reason == "InstallationLookupFailed" {
		return fmt.Sprintf("%s is not installed (%s)", e.bundleID, e.reason)
	}
	return "the phone says " + e.reason
}

func (e *containerError) Is(target error) bool { return target == errNoApp }

// service connects to a lockdown service, uses it and closes it.
func (h *Handle) service(ctx context.Context, name string, use func(net.Conn) error) error {
	conn, err := h.phone.Service(ctx, name)
	if err != nil {
		return err
	}
	defer conn.Close()
	return use(conn)
}

// Battery reads the battery gauge.
func (h *Handle) Battery(ctx context.Context) (harness.BatteryReading, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var reading harness.BatteryReading
	err := h.service(ctx, battery.Service, func(conn net.Conn) error {
		return guard.Do(ctx, conn, func() (err error) {
			reading, err = battery.Read(conn, h.options.Clock.Now())
			return err
		})
	})
	return reading, h.fail("read the battery gauge", err)
}
