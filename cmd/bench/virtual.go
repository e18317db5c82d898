package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/control"
)

// virtualFlags is what `bench virtual` is asked for.
type virtualFlags struct {
	profiles words
	listen   words
	dir      string
	os       string
	count    int
	seed     uint64
	control  string
	phone    virtualiphone.PhoneOptions // what every phone begins as
	gauge    time.Duration              // interval of the battery gauge's publications
}

// Bounds of a battery gauge's interval: it takes one sample a second, and the slowest known publishes once a minute.
const (
	fastestGauge = time.Second
	slowestGauge = time.Minute
)

func virtualCommand() command {
	return command{
		name: "virtual", summary: "serve virtual iPhones to usbmuxd clients", usage: "--profile iPhone15 [--listen 127.0.0.1:0] [flags]",
		setup: func(flags *flag.FlagSet) action {
			var f virtualFlags
			f.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("virtual", rest); err != nil {
					return 0, err
				}
				return exitOK, ofVirtualPhone(f.serve(ctx, env))
			}
		},
	}
}

func (f *virtualFlags) declare(flags *flag.FlagSet) {
	flags.Var(&f.profiles, "profile", "`profile` of a phone; repeat the flag for several phones (default iPhone15)")
	flags.Var(&f.listen, "listen", "`address`: HOST:PORT (port 0: any free one) or the path of a unix socket, with a slash in it; "+
		"repeat the flag for several (default 127.0.0.1:0)")
	flags.StringVar(&f.dir, "dir", filepath.Join("bench-data", "phones"), "`folder` in which the phones are kept")
	flags.StringVar(&f.os, "os", "", "`version` of iOS, as 18.6 or 18.6/22G86 (default the profile's)")
	flags.IntVar(&f.count, "count", 1, "`number` of phones of each profile")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of UDIDs and of the gauges' noise")
	flags.StringVar(&f.control, "control", "", "loopback `address` of an HTTP control interface for cable, lock, heat and faults "+
		"(see virtualiphone/control)")
	flags.BoolVar(&f.phone.WithoutImage, "without-image", false, "the developer image is not mounted")
	flags.BoolVar(&f.phone.Locked, "locked", false, "the phones are locked")
	flags.DurationVar(&f.phone.Link.RTT, "rtt", 0, "round-trip `time` of the cable")
	flags.DurationVar(&f.gauge, "gauge-every", battery.Defaults().PublishEvery, "`interval` at which the battery gauges publish, 1s to 1m")
}

// ofVirtualPhone gives an error of the virtual iPhones, a package of its own, the harness's form.
func ofVirtualPhone(err error) error {
	var e *virtualiphone.Error
	if !errors.As(err, &e) {
		return err
	}
	kind := harness.KindInternal
	switch e.Kind {
	case virtualiphone.KindUsage:
		kind = harness.KindUsage
	case virtualiphone.KindStorage:
		kind = harness.KindStorage
	}
	return &harness.Error{Kind: kind, Op: e.Op, Device: e.Phone, Err: e.Err, Hint: e.Hint}
}

// serve makes the phones, says where they listen, one address a line, and serves until it is told to stop.
func (f *virtualFlags) serve(ctx context.Context, env Env) error {
	level := slog.LevelWarn
	if env.Verbose {
		level = slog.LevelDebug
	}
	dir, err := filepath.Abs(f.dir) // apps are started in folders of their own
	if err != nil {
		return harness.UsageError("virtual", "Name the folder by its whole path with --dir.", "%w", err)
	}
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir, Seed: f.seed, Clock: env.Clock,
		Log: slog.New(slog.NewTextHandler(env.Notices, &slog.HandlerOptions{Level: level}))})
	if err != nil {
		return err
	}
	defer lab.Close()
	if err = f.addPhones(lab); err != nil {
		return err
	}
	listeners, err := f.open(ctx)
	if err != nil {
		return err
	}
	ended := make(chan error, len(listeners)+1)
	for _, l := range listeners {
		go func() { ended <- lab.Serve(ctx, l) }()
		fmt.Fprintln(env.Stdout, l.Addr())
	}
	for _, p := range lab.Phones() {
		fmt.Fprintf(env.Stdout, "%s  %s\n", p.UDID(), p.Name())
	}
	if f.control != "" {
		address, err := control.Serve(ctx, lab, f.control, func(err error) { ended <- err })
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "control http://%s\n", address)
	}
	fmt.Fprintf(env.Notices, "set USBMUXD_SOCKET_ADDRESS=%s for clients; end with Ctrl-C\n", listeners[0].Addr())
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		return &harness.Error{Kind: harness.KindInternal, Op: "serve virtual iPhones", Err: err}
	}
}

func (f *virtualFlags) addPhones(lab *virtualiphone.Lab) error {
	profiles := f.profiles
	if len(profiles) == 0 {
		profiles = words{"iPhone15"}
	}
	if f.count < 1 {
		return harness.UsageError("virtual", "Give a number from 1 on.", "--count is %d", f.count)
	}
	if f.gauge < fastestGauge || f.gauge > slowestGauge {
		return harness.UsageError("virtual", fmt.Sprintf("Give a time from %v to %v.", fastestGauge, slowestGauge),
			"--gauge-every is %v", f.gauge)
	}
	for _, name := range profiles {
		profile, err := virtualiphone.ProfileNamed(name)
		if err != nil {
			return err
		}
		if f.os != "" {
			if profile, err = profile.WithOS(f.os); err != nil {
				return err
			}
		}
		profile.Power.PublishEvery = f.gauge
		for range f.count {
			if _, err := lab.AddPhone(profile, f.phone); err != nil {
				return err
			}
		}
	}
	return nil
}

// open listens on every address.
func (f *virtualFlags) open(ctx context.Context) ([]net.Listener, error) {
	addresses := f.listen
	if len(addresses) == 0 {
		addresses = words{"127.0.0.1:0"}
	}
	var out []net.Listener
	for _, address := range addresses {
		l, err := virtualiphone.Listen(ctx, address)
		if err != nil {
			for _, open := range out {
				open.Close()
			}
			return nil, harness.UsageError("virtual", "Name a free address with --listen.", "listen on %s: %w", address, err)
		}
		out = append(out, l)
	}
	return out, nil
}
