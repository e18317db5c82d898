package instruments

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/clock"
	"github.com/lilims/bench/virtualiphone/internal/dtx"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

// The names under which a phone offers instruments.
const (
	NameHandshakeOnly = "com.apple.instruments.remoteserver"                      // lockdown, up to iOS 13
	NameSecure        = "com.apple.instruments.remoteserver.DVTSecureSocketProxy" // lockdown, iOS 14 to 16
	NameRemote        = "com.apple.instruments.dtservicehub"                      // RSD, from iOS 17
)

// cores is how many CPU cores a phone has: two fast and four slow ones in every iPhone since A11 (Apple's technical
// specifications), which is every model that runs iOS 16.
const cores = 6

// Server serves instruments connections of one phone.
type Server struct {
	device  Device
	clock   clock.Clock
	faults  faults.Instruments
	booted  time.Time
	inducer *inducer
}

// New returns the instruments server of a phone. The clock paces samples and stamps events.
func New(d Device, clock clock.Clock, faults faults.Instruments) *Server {
	return &Server{device: d, clock: clock, faults: faults, booted: clock.Now(), inducer: &inducer{device: d}}
}

// Lockdown returns the lockdown service of a phone whose iOS has this major version; none from 17.
func (s *Server) Lockdown(major int) service.Catalog {
	switch {
	case major <= 13:
		return service.Catalog{{Name: NameHandshakeOnly, Serve: s.Serve, NeedsImage: true, NeedsUnlocked: true, HandshakeOnly: true}}
	case major <= 16:
		return service.Catalog{{Name: NameSecure, Serve: s.Serve, NeedsImage: true, NeedsUnlocked: true}}
	}
	return nil
}

// Remote returns the service that a phone from iOS 17 offers through its tunnel.
func (s *Server) Remote() service.Service {
	return service.Service{Name: NameRemote, Serve: s.Serve, NeedsImage: true, NeedsUnlocked: true}
}

// Serve answers one connection.
func (s *Server) Serve(ctx context.Context, conn net.Conn) error {
	if !s.device.ImageMounted() {
		return errors.New("instruments: the developer image is not mounted")
	}
	session := &session{server: s}
	channels := dtx.Server{Fragment: s.faults.FragmentBytes, Channels: map[string]dtx.Open{
		"com.apple.instruments.server.services.processcontrol":   session.processControl,
		"com.apple.instruments.server.services.deviceinfo":       session.deviceInfo,
		"com.apple.instruments.server.services.sysmontap":        session.sysmontap,
		"com.apple.instruments.server.services.ConditionInducer": session.conditionInducer,
	}}
	return channels.Serve(ctx, conn)
}

// session is one connection.
type session struct{ server *Server }

// mach turns a time into the phone's clock: ticks of 24 MHz since boot, as on every Apple chip since A8
// (mach_timebase_info 125/3).
func (s *Server) mach(t time.Time) uint64 {
	return uint64(max(0, t.Sub(s.booted).Nanoseconds())) * 3 / 125
}
