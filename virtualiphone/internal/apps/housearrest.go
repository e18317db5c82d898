package apps

import (
	"context"
	"net"
	"os"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Arrest is the service house_arrest: it opens an app's container, and from then on the connection is a file service.
type Arrest struct {
	Library *Library
	Faults  *faults.Script
	// Files serves a folder; top, if not empty, is the only entry that the host sees in it.
	Files func(ctx context.Context, conn net.Conn, root *os.Root, top string) error
}

// Serve answers vend requests until one succeeds, then serves files.
func (a *Arrest) Serve(ctx context.Context, conn net.Conn) error {
	frames := plistio.New(conn)
	return frames.Serve(func(request plistio.Dict) error {
		root, top, failure := a.vend(request)
		if failure != "" {
			return frames.Send(map[string]any{"Error": failure})
		}
		defer root.Close()
		if err := frames.Send(map[string]any{"Status": "Complete"}); err != nil {
			return err
		}
		if err := a.Files(ctx, conn, root, top); err != nil {
			return err
		}
		return plistio.ErrDone
	})
}

// vend opens the container that a request names: all of it, or its Documents for apps that share them.
func (a *Arrest) vend(request plistio.Dict) (root *os.Root, top, failure string) {
	if f, hit := a.Faults.Take(ArrestService, faults.Reply); hit {
		return nil, "", f.Error
	}
	app, ok := a.Library.Find(request.String("Identifier"))
	if !ok {
		return nil, "", lookupFailed
	}
	switch request.String("Command") {
	case "VendContainer":
	case "VendDocuments":
		if !app.FileSharing {
			return nil, "", "InstallationLookupFailed"
		}
		top = "Documents"
	default:
		return nil, "", "InvalidCommand"
	}
	root, err := os.OpenRoot(app.Container())
	if err != nil {
		return nil, "", "PathMissing"
	}
	return root, top, ""
}
