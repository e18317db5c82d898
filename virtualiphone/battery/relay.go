package battery

import (
	"context"
	"net"

	"github.com/lilims/bench/virtualiphone/internal/diagnostics"
)

// ServeRelay answers on conn as the diagnostics relay (com.apple.mobile.diagnostics_relay) of a phone of which nothing but
// this gauge exists, until the host says goodbye or hangs up. A client that reads a battery can so be tried without a mux,
// pairing or TLS, on a clock that the test turns. A whole phone serves its relay by itself.
func (g *Gauge) ServeRelay(ctx context.Context, conn net.Conn) error {
	return (&diagnostics.Relay{Phone: gaugeAlone{g}}).Serve(ctx, conn)
}

// gaugeAlone is a phone that has a battery and nothing else.
type gaugeAlone struct{ gauge *Gauge }

func (g gaugeAlone) Battery() map[string]any { return g.gauge.Registry() }

func (gaugeAlone) Gestalt(string) (any, bool) { return nil, false }

func (gaugeAlone) GestaltDeprecated() bool { return true }

func (gaugeAlone) Restart() {}

func (gaugeAlone) Shutdown() {}
