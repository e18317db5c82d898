// Package notify is the virtual iPhone's notification proxy: hosts wait for named notifications of the phone and post
// their own. In come names, out go names. It attaches no meaning to any.
package notify

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// limits of one host.
const (
	maxObserved = 256
	maxQueued   = 64
)

// Center passes notifications on. It is safe for concurrent use.
type Center struct {
	mu        sync.Mutex
	observers map[*observer]struct{}
}

type observer struct {
	names map[string]bool // guarded by the centre's mu
	queue chan string
}

// New returns a centre that nobody observes.
func New() *Center { return &Center{observers: map[*observer]struct{}{}} }

// Post tells every observer of name. A host that does not read misses notifications.
func (c *Center) Post(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for o := range c.observers {
		if o.names[name] {
			select {
			case o.queue <- name:
			default:
			}
		}
	}
}

// Serve is the service com.apple.mobile.notification_proxy.
func (c *Center) Serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	me := &observer{names: map[string]bool{}, queue: make(chan string, maxQueued)}
	c.mu.Lock()
	c.observers[me] = struct{}{}
	c.mu.Unlock()
	frames := plistio.New(conn)
	var relays sync.WaitGroup
	relays.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case name := <-me.queue:
				if frames.Send(map[string]any{"Command": "RelayNotification", "Name": name}) != nil {
					return
				}
			}
		}
	})
	defer func() {
		cancel()
		c.mu.Lock()
		delete(c.observers, me)
		c.mu.Unlock()
		relays.Wait()
	}()
	return frames.Serve(func(request plistio.Dict) error { return c.handle(me, request, frames) })
}

func (c *Center) handle(me *observer, request plistio.Dict, frames *plistio.Conn) error {
	name := request.String("Name")
	switch request.String("Command") {
	case "ObserveNotification":
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(me.names) >= maxObserved {
			return errors.New("notification proxy: too many names observed")
		}
		me.names[name] = true
	case "PostNotification":
		c.Post(name)
	case "Shutdown":
		if err := frames.Send(map[string]any{"Command": "ProxyDeath"}); err != nil {
			return err
		}
		return plistio.ErrDone
	}
	return nil
}
