// Package coredevice starts, lists and ends processes on an iPhone of iOS 17.4 and later through the phone's
// application service. A tunnel comes in, process numbers, output and the phone's own words when it refuses come out. It opens
// a connection for every request, as phones serve one each. It decides nothing about retries.
package coredevice

import (
	"context"
	"fmt"
	"io"
	"net"
	"path"
	"strings"

	library "github.com/danielpaulus/go-ios/ios/coredevice"
	"github.com/danielpaulus/go-ios/ios/xpc"
	"github.com/google/uuid"
	"howett.net/plist"

	"github.com/lilims/bench/runners/iphone/internal/guard"
)

const (
	appService   = "com.apple.coredevice.appservice"
	stdioService = "com.apple.coredevice.openstdiosocket"
	featureStem  = "com.apple.coredevice.feature."
)

// Tunnel is the network to the phone.
type Tunnel interface {
	Dial(ctx context.Context, service string) (net.Conn, error)
	XPC(ctx context.Context, service string) (*xpc.Connection, net.Conn, error)
}

// Error is the phone's refusal.
type Error struct {
	Feature string // "launchapplication"
	Domain  string
	Code    int64
	Text    string
}

func (e *Error) Error() string {
	text := e.Text
	if text == "" {
		text = "refused"
	}
	return fmt.Sprintf("%s: %s (%s %d)", e.Feature, text, e.Domain, e.Code)
}

// ask sends one request over a connection of its own and returns the answer's output.
func ask(ctx context.Context, t Tunnel, feature string, input map[string]any) (any, error) {
	x, conn, err := t.XPC(ctx, appService)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var answer map[string]any
	err = guard.Do(ctx, conn, func() (err error) {
		request := library.BuildRequest(uuid.NewString(), featureStem+feature, input)
		if err = x.Send(request, xpc.HeartbeatRequestFlag); err != nil {
			return err
		}
		answer, err = x.ReceiveOnServerClientStream()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", feature, err)
	}
	if refused, ok := answer["CoreDevice.error"].(map[string]any); ok {
		return nil, newError(feature, refused)
	}
	return answer["CoreDevice.output"], nil
}

// newError reads the phone's error, whose texts lie at different depths on different versions.
func newError(feature string, body map[string]any) *Error {
	e := &Error{Feature: feature}
	e.Domain, _ = body["domain"].(string)
	switch n := body["code"].(type) {
	case int64:
		e.Code = n
	case uint64:
		e.Code = int64(n)
	}
	var texts []string
	for _, key := range []string{"NSLocalizedDescription", "NSLocalizedFailureReason"} {
		if text := find(body["userInfo"], key); text != "" {
			texts = append(texts, text)
		}
	}
	e.Text = strings.Join(texts, " ")
	return e
}

// find returns the first string below key.
func find(v any, key string) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	switch inner := m[key].(type) {
	case string:
		return inner
	case map[string]any:
		for _, e := range inner {
			if text, ok := e.(string); ok {
				return text
			}
		}
	}
	for _, e := range m {
		if text := find(e, key); text != "" {
			return text
		}
	}
	return ""
}

// Launch is what is to be started.
type Launch struct {
	BundleID string
	Args     []string
	Env      map[string]string
}

// Started is a process that was started.
type Started struct {
	PID    int
	Output io.ReadCloser // standard output and error; ends when the process does
}

// Start ends a running instance of the app and launches it with its output on a socket.
func Start(ctx context.Context, t Tunnel, launch Launch) (Started, error) {
	id, output, err := openOutput(ctx, t)
	if err != nil {
		return Started{}, err
	}
	options, err := plist.Marshal(map[string]any{}, plist.BinaryFormat)
	if err != nil {
		return Started{}, err
	}
	args := make([]any, len(launch.Args))
	for i, a := range launch.Args {
		args[i] = a
	}
	env := map[string]any{}
	for k, v := range launch.Env {
		env[k] = v
	}
	out, err := ask(ctx, t, "launchapplication", map[string]any{
		"applicationSpecifier": map[string]any{"bundleIdentifier": map[string]any{"_0": launch.BundleID}},
		"options": map[string]any{
			"arguments": args, "environmentVariables": env, "platformSpecificOptions": options,
			"standardIOUsesPseudoterminals": true, "startStopped": false, "terminateExisting": true,
			"user": map[string]any{"active": true}, "workingDirectory": nil,
		},
		"standardIOIdentifiers": map[string]any{"standardInput": id, "standardOutput": id, "standardError": id},
	})
	if err != nil {
		output.Close()
		return Started{}, err
	}
	pid, ok := processID(out)
	if !ok {
		output.Close()
		return Started{}, fmt.Errorf("launchapplication: the phone named no process")
	}
	return Started{pid, output}, nil
}

// openOutput opens the socket that an app's output will come from; the phone first says what it calls it.
func openOutput(ctx context.Context, t Tunnel) (uuid.UUID, net.Conn, error) {
	conn, err := t.Dial(ctx, stdioService)
	if err != nil {
		return uuid.UUID{}, nil, err
	}
	var id uuid.UUID
	if err := guard.Do(ctx, conn, func() error { _, err := io.ReadFull(conn, id[:]); return err }); err != nil {
		conn.Close()
		return uuid.UUID{}, nil, fmt.Errorf("open the output socket: %w", err)
	}
	return id, conn, nil
}

func processID(output any) (int, bool) {
	body, _ := output.(map[string]any)
	token, _ := body["processToken"].(map[string]any)
	switch pid := token["processIdentifier"].(type) {
	case int64:
		return int(pid), pid > 0
	case uint64:
		return int(pid), pid > 0
	}
	return 0, false
}

// Process is a process on the phone.
type Process struct {
	PID  int
	Path string // of its executable
}

// Processes lists what runs.
func Processes(ctx context.Context, t Tunnel) ([]Process, error) {
	out, err := ask(ctx, t, "listprocesses", map[string]any{})
	if err != nil {
		return nil, err
	}
	body, _ := out.(map[string]any)
	tokens, ok := body["processTokens"].([]any)
	if !ok {
		return nil, fmt.Errorf("listprocesses: the phone gave no list")
	}
	var list []Process
	for _, v := range tokens {
		token, _ := v.(map[string]any)
		pid, ok := processID(map[string]any{"processToken": token})
		url, _ := token["executableURL"].(map[string]any)
		file, _ := url["relative"].(string)
		if ok {
			list = append(list, Process{pid, path.Clean(strings.TrimPrefix(file, "file://"))})
		}
	}
	return list, nil
}

// Kill ends a process at once.
func Kill(ctx context.Context, t Tunnel, pid int) error {
	const sigkill = int64(9)
	_, err := ask(ctx, t, "sendsignaltoprocess", map[string]any{"process": map[string]any{"processIdentifier": int64(pid)}, "signal": sigkill})
	return err
}
