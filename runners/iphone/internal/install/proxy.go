// Package install puts an app on a phone and tells which version is there. Connections to the phone's installation
// services come in, the phone's own words come out when it refuses. It uses the streaming conduit, which needs no copy
// of the app on the phone's media partition. It never decides whether an install is needed.
package install

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

// ProxyService lists, looks up and removes apps.
const ProxyService = "com.apple.mobile.installation_proxy"

// Refused is the phone's refusal to install.
type Refused struct {
	Name        string // "ApplicationVerificationFailed"
	Description string // the phone's sentence
}

func (e *Refused) Error() string {
	if e.Description == "" {
		return e.Name
	}
	return e.Name + ": " + e.Description
}

// refusal is the error in an answer, if there is one.
func refusal(answer map[string]any) error {
	name, _ := answer["Error"].(string)
	if name == "" {
		return nil
	}
	description, _ := answer["ErrorDescription"].(string)
	return &Refused{name, description}
}

// Installed is an app that the phone has.
type Installed struct {
	Version string // CFBundleShortVersionString
	Build   string // CFBundleVersion
	Path    string // of the bundle, on the phone
}

// Lookup returns information on an app, nil if it is not installed.
func Lookup(ctx context.Context, conn net.Conn, bundleID string) (*Installed, error) {
	request := map[string]any{"Command": "Lookup", "ClientOptions": map[string]any{
		"BundleIDs":        []string{bundleID},
		"ReturnAttributes": []string{"CFBundleIdentifier", "CFBundleVersion", "CFBundleShortVersionString", "Path"},
	}}
	answer := map[string]any{}
	if err := guard.Do(ctx, conn, func() error { return plistio.Ask(conn, request, &answer) }); err != nil {
		return nil, fmt.Errorf("look up %s: %w", bundleID, err)
	}
	if err := refusal(answer); err != nil {
		return nil, fmt.Errorf("look up %s: %w", bundleID, err)
	}
	found, ok := answer["LookupResult"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("look up %s: the phone gave no result", bundleID)
	}
	app, ok := found[bundleID].(map[string]any)
	if !ok {
		return nil, nil
	}
	text := func(key string) string { s, _ := app[key].(string); return s }
	return &Installed{text("CFBundleShortVersionString"), text("CFBundleVersion"), text("Path")}, nil
}

// Uninstall removes an app with its container. An app that is not there is fine.
func Uninstall(ctx context.Context, conn net.Conn, bundleID string) error {
	err := guard.Do(ctx, conn, func() error {
		if err := plistio.Write(conn, map[string]any{
			"Command": "Uninstall", "ApplicationIdentifier": bundleID, "ClientOptions": map[string]any{},
		}); err != nil {
			return err
		}
		for {
			answer := map[string]any{}
			if err := plistio.Read(conn, &answer); err != nil {
				return err
			}
			if err := refusal(answer); err != nil {
				return err
			}
			if answer["Status"] == "Complete" {
				return nil
			}
		}
	})
	var refused *Refused
	if errors.As(err, &refused) && refused.Name == "APIInternalError" { // what phones say of an app that they lack
		return nil
	}
	if err != nil {
		return fmt.Errorf("uninstall %s: %w", bundleID, err)
	}
	return nil
}
