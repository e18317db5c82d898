package virtualiphone

import (
	"context"
	"io"
	"net"
	"sync"
)

// forward joins a host's stream to an app's until both directions have ended.
func forward(ctx context.Context, host, app net.Conn) {
	defer app.Close()
	stop := context.AfterFunc(ctx, func() { app.Close() })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pipe(app, host) })
	both.Go(func() { pipe(host, app) })
	both.Wait()
}

// pipe copies one direction and passes on its end.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error ends the direction as its end does
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	to.Close()
}
