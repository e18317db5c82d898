package instruments_test

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/instruments"
	"github.com/lilims/bench/virtualiphone/internal/nskeyed"
	"github.com/lilims/bench/virtualiphone/phonetest"
	"github.com/lilims/bench/virtualiphone/process"
)

const services = "com.apple.instruments.server.services."

// host is a client that keeps the events it sees while it waits for a reply.
type host struct {
	t      *testing.T
	conn   net.Conn
	r      *dtx.Reader
	next   uint32
	events []dtx.Message
	done   chan error
	cancel context.CancelFunc
}

func connect(t *testing.T, phone *phonetest.Phone, clock *phonetest.Clock) *host {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	h := &host{t: t, conn: ours, r: dtx.NewReader(bufio.NewReader(ours)), done: make(chan error, 1), cancel: cancel}
	server := instruments.New(phone, clock, faults.Instruments{})
	go func() {
		defer theirs.Close()
		h.done <- server.Serve(ctx, theirs)
	}()
	t.Cleanup(func() { cancel(); ours.Close(); phone.Table.KillAll() })
	ours.SetDeadline(time.Now().Add(30 * time.Second)) // reached only when something hangs
	return h
}

// call sends a call and returns the value of its reply, or the error in it.
func (h *host) call(channel int32, selector string, args ...any) (any, error) {
	h.t.Helper()
	m, err := dtx.NewCall(selector, args...)
	require.NoError(h.t, err)
	h.next++
	m.Identifier, m.Channel, m.ExpectsReply = h.next, channel, true
	b, err := m.Append(nil, 0)
	require.NoError(h.t, err)
	go h.conn.Write(b) // the phone may be writing too, and a pipe holds nothing
	for {
		m, err := h.r.Next()
		require.NoError(h.t, err)
		if m.Conversation == 0 {
			h.events = append(h.events, m)
			continue
		}
		if len(m.Payload) == 0 {
			return nil, nil
		}
		v, err := nskeyed.Unarchive(m.Payload)
		require.NoError(h.t, err)
		if m.Type == dtx.TypeError {
			return nil, v.(error)
		}
		return v, nil
	}
}

func (h *host) open(code int, name string) {
	h.t.Helper()
	_, err := h.call(0, "_requestChannelWithCode:identifier:", code, services+name)
	require.NoError(h.t, err)
}

// event returns the next event on a channel.
func (h *host) event(channel int32) dtx.Message {
	h.t.Helper()
	for {
		for len(h.events) > 0 {
			m := h.events[0]
			h.events = h.events[1:]
			if m.Channel == -channel {
				return m
			}
		}
		m, err := h.r.Next()
		require.NoError(h.t, err)
		h.events = append(h.events, m)
	}
}

const launch = "launchSuspendedProcessWithDevicePath:bundleIdentifier:environment:arguments:options:"

// TestOutputIsText has an app write in awkward pieces.
func TestOutputIsText(t *testing.T) {
	phone := phonetest.New()
	long := strings.Repeat("ä€😀", 20000)
	phone.Table.Install("app", func(r *phonetest.Running) process.Exit {
		for _, piece := range []string{"gr\xC3", "\xB6", "ßer ", "\xFF\xFE ", "\xF0\x9F", "\x98\x80\n", long} {
			r.Print(piece)
		}
		return process.Exit{}
	})
	h := connect(t, phone, phonetest.NewClock())
	h.open(1, "processcontrol")
	_, err := h.call(1, launch, "", "app", map[string]any{}, []any{}, nil)
	require.NoError(t, err)
	want := "größer \uFFFD 😀\n" + long
	var got strings.Builder
	for got.Len() < len(want) {
		call, err := h.event(1).Call()
		require.NoError(t, err)
		text, err := call.String(0)
		require.NoError(t, err, "event")
		require.Equal(t, int64(100), call.Args[1], "event")
		require.LessOrEqual(t, len(text), 64<<10, "event")
		got.WriteString(text)
	}
	assert.Equal(t, want, got.String())
}

func TestCallsThatAreRefused(t *testing.T) {
	phone := phonetest.New()
	phone.Table.Install("app", phonetest.Until())
	h := connect(t, phone, phonetest.NewClock())
	h.open(1, "processcontrol")
	h.open(2, "sysmontap")
	h.open(3, "deviceinfo")
	tests := []struct {
		name     string
		channel  int32
		selector string
		args     []any
		want     string
	}{
		{"launch without arguments", 1, launch, nil, "argument 1 is missing"},
		{"launch with a number for a bundle", 1, launch, []any{"", 7}, "argument 1 is of type int64"},
		{"launch with a list for an environment", 1, launch, []any{"", "app", []any{}}, "argument 2 is of type"},
		{"kill of nothing", 1, "killPid:", nil, "no process id"},
		{"kill of a negative process", 1, "killPid:", []any{-5}, "no process id"},
		{"kill of a name", 1, "killPid:", []any{"app"}, "no process id"},
		{"signal beyond all signals", 1, "sendSignal:toPid:", []any{99, 100}, "no signal"},
		{"resume of nobody", 1, "resumePid:", []any{4711}, "no such process 4711"},
		{"watch of nobody", 1, "startObservingPid:", []any{4711}, "no such process 4711"},
		{"too many attributes", 2, "setConfig:", []any{map[string]any{"procAttrs": make([]any, 300)}}, "300"},
		{"configuration that is none", 2, "setConfig:", []any{"fast"}, "of type string"},
		{"name of nobody", 3, "execnameForPid:", []any{4711}, "No such process"},
		{"unknown selector", 3, "formatDisk", nil, "formatDisk"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := h.call(tt.channel, tt.selector, tt.args...)
			require.ErrorContains(t, err, tt.want, "%s = %v", tt.selector, v)
		})
	}
}

// TestStoppedObservationIsSilent watches, stops watching, and sees nothing of the end.
func TestStoppedObservationIsSilent(t *testing.T) {
	phone := phonetest.New()
	phone.Table.Install("app", phonetest.Until())
	h := connect(t, phone, phonetest.NewClock())
	h.open(1, "processcontrol")
	pid, err := h.call(1, launch, "", "app", nil, nil, nil)
	require.NoError(t, err)
	found, err := h.call(1, "processIdentifierForBundleIdentifier:", "app")
	require.NoError(t, err, "found")
	assert.Equal(t, pid, found)
	for _, selector := range []string{"startObservingPid:", "startObservingPid:", "stopObservingPid:", "killPid:"} {
		_, err := h.call(1, selector, pid)
		require.NoError(t, err)
	}
	ended := make(chan process.Exit, 1)
	require.NoError(t, phone.Table.Watch(int(pid.(int64)), func(e process.Exit) { ended <- e }))
	<-ended
	found, err = h.call(1, "processIdentifierForBundleIdentifier:", "app")
	require.NoError(t, err)
	assert.Equal(t, int64(0), found, "found %v, %v after the end", found, err)
	for _, m := range h.events {
		assert.NotEqual(t, int32(-1), m.Channel, "event")
	}
}

// TestSamplesFollowTheInterval takes samples at a configured pace, stops and starts again.
func TestSamplesFollowTheInterval(t *testing.T) {
	phone, clock := phonetest.New(), phonetest.NewClock()
	h := connect(t, phone, clock)
	h.open(1, "sysmontap")
	end := func() uint64 {
		v, err := nskeyed.Unarchive(h.event(1).Payload)
		require.NoError(t, err)
		n, _ := nskeyed.Int(v.([]any)[0].(map[string]any)["EndMachAbsTime"])
		return uint64(n)
	}
	_, err := h.call(1, "setConfig:", map[string]any{"sampleInterval": 250_000_000})
	require.NoError(t, err)
	var got []uint64
	for range 2 {
		_, err := h.call(1, "start")
		require.NoError(t, err)
		got = append(got, end())
		clock.Advance(250 * time.Millisecond)
		got = append(got, end())
		_, err = h.call(1, "stop")
		require.NoError(t, err)
	}
	const quarter = 6_000_000 // of a second, in ticks of 24 MHz
	assert.Equal(t, []uint64{0, quarter, quarter, 2 * quarter}, got, "samples")
}

func TestServeEndsWhileSampling(t *testing.T) {
	h := connect(t, phonetest.New(), phonetest.NewClock())
	h.open(1, "sysmontap")
	_, err := h.call(1, "start")
	require.NoError(t, err)
	h.cancel() // the first sample is unread: the sampler may be stuck in sending it
	require.ErrorIs(t, <-h.done, context.Canceled, "Serve")
}

func TestServeNeedsTheImage(t *testing.T) {
	phone := phonetest.New()
	phone.SetImage(false)
	h := connect(t, phone, phonetest.NewClock())
	require.ErrorContains(t, <-h.done, "not mounted", "Serve")
}
