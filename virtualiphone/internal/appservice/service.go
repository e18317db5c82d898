package appservice

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/lilims/bench/virtualiphone/internal/service"
	"github.com/lilims/bench/virtualiphone/internal/xpc"
)

// The names under which RSD offers the CoreDevice services.
const (
	NameApps       = "com.apple.coredevice.appservice"
	NameOutput     = "com.apple.coredevice.openstdiosocket"
	NameDeviceInfo = "com.apple.coredevice.deviceinfo"
)

const featurePrefix = "com.apple.coredevice.feature."

// errorDomain and the codes in it are those that Apple's devicectl prints.
const (
	errorDomain      = "com.apple.dt.CoreDeviceError"
	codeNoSuchAction = 1001
	codeBadInput     = 1002
	codeNoProcess    = 10001
	codeLaunch       = 10002
)

// Server serves the CoreDevice services of one phone.
type Server struct {
	device  Device
	outputs outputs
}

// New returns the CoreDevice services of a phone.
func New(d Device) *Server {
	return &Server{device: d, outputs: outputs{waiting: map[xpc.UUID]*output{}}}
}

// Services lists what RSD offers once the developer image is mounted.
func (s *Server) Services() service.Catalog {
	return service.Catalog{
		{Name: NameApps, Serve: s.serve(s.appFeatures()), NeedsImage: true, NeedsUnlocked: true},
		{Name: NameOutput, Serve: s.serveOutput, NeedsImage: true, NeedsUnlocked: true},
		{Name: NameDeviceInfo, Serve: s.serve(s.infoFeatures()), NeedsImage: true},
	}
}

// feature answers a request's input with an output, at once or through later.
type feature func(ctx context.Context, input dictionary, later func(any, error)) (output any, wait bool, err error)

// immediately adapts a feature that answers at once.
func immediately(f func(ctx context.Context, input dictionary) (any, error)) feature {
	return func(ctx context.Context, input dictionary, _ func(any, error)) (any, bool, error) {
		v, err := f(ctx, input)
		return v, false, err
	}
}

func (s *Server) serve(features map[string]feature) service.Handler {
	return func(ctx context.Context, conn net.Conn) error {
		return xpc.Serve(ctx, conn, invoker{features})
	}
}

// invoker reads the envelope that all CoreDevice requests come in.
type invoker struct{ features map[string]feature }

func (i invoker) Open(context.Context, *xpc.Conn) error { return nil }

func (i invoker) Handle(ctx context.Context, c *xpc.Conn, _ uint32, m xpc.Message) error {
	answer := func(output any, err error) error {
		body := map[string]any{"CoreDevice.invocationIdentifier": m.Body["CoreDevice.invocationIdentifier"]}
		if err != nil {
			body["CoreDevice.error"] = errorBody(err)
		} else {
			body["CoreDevice.output"] = output
		}
		return c.Reply(m, body)
	}
	name, _ := m.Body["CoreDevice.featureIdentifier"].(string)
	if len(name) > len(featurePrefix) && name[:len(featurePrefix)] == featurePrefix {
		name = name[len(featurePrefix):]
	}
	f, ok := i.features[name]
	if !ok {
		return answer(nil, &Error{codeNoSuchAction, fmt.Sprintf("The feature %q is not implemented.", name)})
	}
	input, _ := m.Body["CoreDevice.input"].(map[string]any)
	output, wait, err := f(ctx, dictionary(input), func(v any, err error) { _ = answer(v, err) })
	if wait && err == nil {
		return nil
	}
	return answer(output, err)
}

// Error is a failure as CoreDevice reports it: a code of its own domain and a text for people.
type Error struct {
	Code int64
	Text string
}

func (e *Error) Error() string { return e.Text }

// errorBody is an NSError as RemoteXPC carries it.
func errorBody(err error) map[string]any {
	e := &Error{codeBadInput, err.Error()}
	errors.As(err, &e)
	return map[string]any{"domain": errorDomain, "code": e.Code, "userInfo": map[string]any{"NSLocalizedDescription": e.Text}}
}

// dictionary is a request's input, whose parts are optional and of types that differ between clients.
type dictionary map[string]any

func (d dictionary) dictionary(key string) dictionary {
	m, _ := d[key].(map[string]any)
	return m
}

func (d dictionary) text(key string) string {
	s, _ := d[key].(string)
	return s
}

func (d dictionary) flag(key string) bool {
	b, _ := d[key].(bool)
	return b
}

// integer returns a number that fits 32 bits; clients send it signed or unsigned.
func (d dictionary) integer(key string) (int, error) {
	switch n := d[key].(type) {
	case int64:
		if n >= -1<<31 && n < 1<<31 {
			return int(n), nil
		}
	case uint64:
		if n < 1<<31 {
			return int(n), nil
		}
	}
	return 0, &Error{codeBadInput, fmt.Sprintf("The input's %s is %v, not a number.", key, d[key])}
}
