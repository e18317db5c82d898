package virtualiphone

import (
	"context"
	"net"
	"os"

	"github.com/lilims/bench/virtualiphone/internal/afc"
	"github.com/lilims/bench/virtualiphone/internal/apps"
	"github.com/lilims/bench/virtualiphone/internal/crash"
	"github.com/lilims/bench/virtualiphone/internal/diagnostics"
	"github.com/lilims/bench/virtualiphone/internal/mounter"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

// Names of services that have no package of their own.
const (
	afcService    = "com.apple.afc"
	crashCopy     = "com.apple.crashreportcopymobile"
	crashMover    = "com.apple.crashreportmover"
	notifyProxy   = "com.apple.mobile.notification_proxy"
	notifyOpen    = "com.apple.mobile.insecure_notification_proxy"
	syslogService = "com.apple.syslog_relay"
)

// classic is what every iOS offers through lockdown. Most of it is offered through the tunnel too, under another name.
func (p *Phone) classic() service.Catalog {
	media := &afc.Server{Root: p.media, Disk: p.storage, Model: p.profile.ProductType, Service: afcService, Faults: p.script}
	reports := &afc.Server{Root: p.reports, Disk: p.storage, Model: p.profile.ProductType, Service: crashCopy, Faults: p.script}
	proxy := &apps.Proxy{Library: p.library, Media: p.media, Faults: p.script, Post: p.notes.Post}
	conduit := &apps.Conduit{Library: p.library, Faults: p.script, Post: p.notes.Post}
	arrest := &apps.Arrest{Library: p.library, Faults: p.script, Files: p.serveContainer}
	relay := &diagnostics.Relay{Phone: registry{p}, Faults: p.script}
	list := service.Catalog{
		{Name: afcService, Serve: media.Serve, NeedsUnlocked: true},
		{Name: crashCopy, Serve: reports.Serve},
		{Name: crashMover, Serve: crash.Mover},
		{Name: apps.ArrestService, Serve: arrest.Serve, NeedsUnlocked: true},
		{Name: apps.ProxyService, Serve: proxy.Serve},
		{Name: apps.ConduitService, Serve: conduit.Serve},
		{Name: diagnostics.Service, Serve: relay.Serve},
		{Name: diagnostics.ServiceOld, Serve: relay.Serve},
		{Name: mounter.Service, Serve: p.mounter.Serve, NeedsUnlocked: true},
		{Name: notifyProxy, Serve: p.notes.Serve},
		{Name: notifyOpen, Serve: p.notes.Serve},
		{Name: syslogService, Serve: p.journal.Serve},
	}
	for i := range list {
		list[i].Shim = list[i].Name + ".shim.remote"
	}
	return list
}

// serveContainer is the file service over an app's container.
func (p *Phone) serveContainer(ctx context.Context, conn net.Conn, root *os.Root, top string) error {
	files := &afc.Server{Root: root, Disk: p.storage, Model: p.profile.ProductType, Service: apps.ArrestService, Faults: p.script, Top: top}
	return files.Serve(ctx, conn)
}

// registry is the phone as the diagnostics relay sees it.
type registry struct{ phone *Phone }

func (r registry) Battery() map[string]any { return r.phone.gauge.Registry() }

func (r registry) Gestalt(key string) (any, bool) {
	values, _ := served{r.phone}.Values("")
	value, ok := values[key]
	return value, ok
}

func (r registry) GestaltDeprecated() bool { return r.phone.profile.atLeast(17, 4) }

// Restart answers first and restarts then, as a phone does.
func (r registry) Restart() {
	r.phone.ticks.Go(func() {
		if err := r.phone.Reboot(); err != nil {
			r.phone.log.Warn("phone did not come back", "err", err)
		}
	})
}

func (r registry) Shutdown() { go r.phone.Detach() }
