// Package instruments starts, watches and ends processes on a phone and samples their memory, through the phone's
// instruments server. A connection to the server comes in; process numbers, exits and footprints come out. It works the
// same on every version of iOS; only the way to the connection differs. It decides nothing about retries.
package instruments

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/lilims/bench/runners/iphone/internal/dtxclient"
)

// Names of the server: through the tunnel, and at lockdown on iOS 14 to 16.
const (
	TunnelService   = "com.apple.instruments.dtservicehub"
	LockdownService = "com.apple.instruments.remoteserver.DVTSecureSocketProxy"
)

const (
	processControl = "com.apple.instruments.server.services.processcontrol"
	deviceInfo     = "com.apple.instruments.server.services.deviceinfo"
	sysmontap      = "com.apple.instruments.server.services.sysmontap"
)

// outputKept is how much of the last output is kept as evidence, in bytes.
const outputKept = 64 << 10

// Exit is how a process ended, as far as the phone tells.
type Exit struct {
	PID    int
	Code   *int
	Signal *int
}

// Hub is one connection to the server. It is safe for concurrent use.
type Hub struct {
	client  *dtxclient.Client
	control *dtxclient.Channel

	exits  chan Exit
	usages chan Usage

	mu     sync.Mutex
	output []byte // last output of the processes that were started here
	tap    *tap
}

// Open takes over a connection to the server.
func Open(ctx context.Context, conn net.Conn) (*Hub, error) {
	h := &Hub{exits: make(chan Exit, 16), usages: make(chan Usage, 64)}
	client, err := dtxclient.New(ctx, conn, h.handle)
	if err != nil {
		return nil, fmt.Errorf("open instruments: %w", err)
	}
	h.client = client
	if h.control, err = client.Open(ctx, processControl); err != nil {
		_ = client.Close()
		return nil, err
	}
	return h, nil
}

// Close ends the connection. Processes that were started live on.
func (h *Hub) Close() error { return h.client.Close() }

// Done is closed when the connection has ended.
func (h *Hub) Done() <-chan struct{} { return h.client.Done() }

// Err says why the connection has ended; nil while it lives.
func (h *Hub) Err() error { return h.client.Err() }

// Exits reports observed processes that ended.
func (h *Hub) Exits() <-chan Exit { return h.exits }

// Output is the last output of the processes that were started here.
func (h *Hub) Output() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]byte(nil), h.output...)
}

// handle takes the server's events; it must not block. The events of no interest are passed over.
func (h *Hub) handle(e dtxclient.Event) {
	switch e.Selector {
	case "outputReceived:fromProcess:atTime:":
		if len(e.Args) == 0 { // iOS 26 sends such
			return
		}
		if text, ok := e.Args[0].(string); ok {
			h.mu.Lock()
			h.output = append(h.output, text...)
			h.output = h.output[max(0, len(h.output)-outputKept):]
			h.mu.Unlock()
		}
	case "processWithPID:terminatedWithExitCode:orCrashingSignal:":
		if exit, ok := exitOf(e.Args); ok {
			select {
			case h.exits <- exit:
			default: // sixteen unread exits: their reader has gone
			}
		}
	case "":
		h.mu.Lock()
		t := h.tap
		h.mu.Unlock()
		if t != nil && e.Channel == t.channel.Code() {
			for _, u := range t.usages(e.Payload) {
				select {
				case h.usages <- u:
				default: // a sample that nobody waits for is worth nothing later
				}
			}
		}
	}
}

func exitOf(args []any) (Exit, bool) {
	if len(args) < 3 {
		return Exit{}, false
	}
	pid, ok := integer(args[0])
	if !ok {
		return Exit{}, false
	}
	exit := Exit{PID: int(pid)}
	if code, ok := integer(args[1]); ok {
		n := int(code)
		exit.Code = &n
	}
	if signal, ok := integer(args[2]); ok && signal != 0 {
		n := int(signal)
		exit.Signal = &n
	}
	return exit, true
}

// integer reads a number as any of the types that archives give.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case uint64:
		return int64(n), true
	case int32:
		return int64(n), true
	case uint32:
		return int64(n), true
	case int:
		return int64(n), true
	case float64:
		return int64(n), true
	}
	return 0, false
}

// Launch is what is to be started.
type Launch struct {
	BundleID string
	Args     []string
	Env      map[string]string
}

// Start ends a running instance of the app and launches it.
func (h *Hub) Start(ctx context.Context, launch Launch) (pid int, err error) {
	args := make([]any, len(launch.Args))
	for i, a := range launch.Args {
		args[i] = a
	}
	env := map[string]any{"NSUnbufferedIO": "YES"} // has the output sent here
	for k, v := range launch.Env {
		env[k] = v
	}
	options := map[string]any{"StartSuspendedKey": uint64(0), "KillExisting": uint64(1)}
	answer, err := h.control.Call(
		ctx, "launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:", "", launch.BundleID, env, args, options,
	)
	if err != nil {
		return 0, err
	}
	n, ok := integer(answer)
	if !ok || n <= 0 {
		return 0, fmt.Errorf("launch %s: the phone named no process", launch.BundleID)
	}
	return int(n), nil
}

// Observe has the end of a process told on Exits.
func (h *Hub) Observe(ctx context.Context, pid int) error {
	return h.control.Cast(ctx, "startObservingPid:", uint64(pid))
}

// Kill ends a process at once. The call that answers is used: one without an answer can be lost with the connection.
func (h *Hub) Kill(ctx context.Context, pid int) error {
	const sigkill = 9
	_, err := h.control.Call(ctx, "sendSignal:toPid:", uint64(sigkill), uint64(pid))
	return err
}

// Process is a process on the phone.
type Process struct {
	PID  int
	Name string
	Path string // of the app's bundle, where the phone tells it
}

// Processes lists what runs.
func (h *Hub) Processes(ctx context.Context) ([]Process, error) {
	info, err := h.client.Open(ctx, deviceInfo)
	if err != nil {
		return nil, err
	}
	answer, err := info.Call(ctx, "runningProcesses")
	if err != nil {
		return nil, err
	}
	rows, ok := answer.([]any)
	if !ok {
		return nil, fmt.Errorf("runningProcesses: the phone gave no list")
	}
	var list []Process
	for _, row := range rows {
		m, _ := row.(map[string]any)
		pid, ok := integer(m["pid"])
		if !ok {
			continue
		}
		name, _ := m["name"].(string)
		path, _ := m["realAppName"].(string)
		list = append(list, Process{int(pid), name, path})
	}
	return list, nil
}

// Usage is one sample of a process.
type Usage struct {
	PID            int
	FootprintBytes int64
}

// Usages reports the processes that Sample was asked for.
func (h *Hub) Usages() <-chan Usage { return h.usages }

// tap is a running sampler.
type tap struct {
	channel   *dtxclient.Channel
	pid       int
	footprint int // index of the footprint in a row
}

// Sample has a process's footprint told on Usages at an interval, until the connection ends.
func (h *Hub) Sample(ctx context.Context, pid int, interval time.Duration) error {
	info, err := h.client.Open(ctx, deviceInfo)
	if err != nil {
		return err
	}
	known, err := info.Call(ctx, "sysmonProcessAttributes")
	if err != nil {
		return err
	}
	attributes, _ := known.([]any)
	t := &tap{pid: pid, footprint: -1}
	for i, a := range attributes {
		if a == "physFootprint" {
			t.footprint = i
		}
	}
	if t.footprint < 0 {
		return fmt.Errorf("sample memory: this phone reports no process footprint")
	}
	if t.channel, err = h.client.Open(ctx, sysmontap); err != nil {
		return err
	}
	h.mu.Lock()
	h.tap = t
	h.mu.Unlock()
	config := map[string]any{
		"ur": uint64(interval.Milliseconds()), "bm": uint64(0), "procAttrs": attributes, "sysAttrs": []any{},
		"cpuUsage": true, "physFootprint": true, "sampleInterval": uint64(interval.Nanoseconds()),
	}
	if _, err := t.channel.Call(ctx, "setConfig:", config); err != nil {
		return err
	}
	return t.channel.Cast(ctx, "start")
}

// usages reads the process's row in a sample: a list of parts, one of which holds rows keyed by process number.
func (t *tap) usages(payload any) []Usage {
	parts, _ := payload.([]any)
	var out []Usage
	for _, part := range parts {
		m, _ := part.(map[string]any)
		rows, _ := m["Processes"].(map[string]any)
		row, _ := rows[fmt.Sprintf("uint64{%d}", t.pid)].([]any) // the library's way of writing a number as a key
		if t.footprint < len(row) {
			if n, ok := integer(row[t.footprint]); ok && n > 0 {
				out = append(out, Usage{t.pid, n})
			}
		}
	}
	return out
}
