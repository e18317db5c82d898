// Package command is `bench virtual`: flags in, a lab of virtual iPhones on a socket out, until the context ends. It
// prints one line when hosts can connect.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/virtual"
	"github.com/lilims/bench/runners/iphone/virtual/control"
	"github.com/lilims/bench/runners/iphone/virtual/faults"
	"github.com/lilims/bench/runners/iphone/virtual/lockdown"
)

// Options are the command's flags.
type Options struct {
	Profiles  []virtual.Profile // one phone each
	Listen    string            // TCP address
	Unix      string            // path of a unix socket
	Control   string            // address of the HTTP interface
	Dir       string
	Seed      uint64
	Trust     string
	NoImage   bool
	Link      faults.Link
	Verbose   bool
	Publish   time.Duration // how often the gauge shows new values; 0: as the profile says
	JetsamMiB int64         // footprint limit of apps; 0: as the profile says
}

// maxPhones bounds what one command starts; each phone is a folder, a key pair and a handful of goroutines.
const maxPhones = 64

// Run parses args, serves until ctx ends, and returns what went wrong.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := Parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return Serve(ctx, o, stdout, stderr)
}

// Parse reads the flags; all mistakes are usage errors.
func Parse(args []string, stderr io.Writer) (Options, error) {
	var o Options
	var profile, os string
	var count int
	set := flag.NewFlagSet("bench virtual", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&profile, "profile", "iPhone15", "what the phones pretend to be; several names are separated by commas")
	set.IntVar(&count, "count", 1, "phones of each profile")
	set.StringVar(&os, "os", "", "iOS version, VERSION or VERSION/BUILD (default: the profile's)")
	set.StringVar(&o.Listen, "listen", "", "TCP address of the usbmuxd socket, 127.0.0.1:0 for a free port")
	set.StringVar(&o.Unix, "unix", "", "path of a unix usbmuxd socket")
	set.StringVar(&o.Control, "control", "", "address of the HTTP control interface, on loopback")
	set.StringVar(&o.Dir, "dir", "bench-data/phones", "folder in which the phones are kept")
	set.Uint64Var(&o.Seed, "seed", 0, "determines the UDIDs and the noise of the gauges")
	set.StringVar(&o.Trust, "trust", "auto", "what a phone does when a host asks to pair: auto, pending or denied")
	set.BoolVar(&o.NoImage, "without-image", false, "the developer image does not count as mounted")
	set.DurationVar(&o.Link.RTT, "rtt", 0, "round trip of the cable")
	set.Int64Var(&o.Link.BytesPerSecond, "bandwidth", 0, "bytes a second of the cable, 0 for as fast as this host")
	set.DurationVar(&o.Publish, "publish", 0, "how often the battery gauge shows new values (default: the profile's)")
	set.Int64Var(&o.JetsamMiB, "jetsam-mib", 0, "footprint in MiB beyond which an app is ended (default: the profile's)")
	set.BoolVar(&o.Verbose, "verbose", false, "say what happens, on standard error")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, usage(err, "see bench virtual -h")
	}
	return o.complete(profile, os, count, set.Args())
}

func usage(err error, hint string) error {
	return &harness.Error{Kind: harness.KindUsage, Op: "virtual", Err: err, Hint: hint}
}

// complete checks what the flags say together.
func (o Options) complete(profiles, version string, count int, rest []string) (Options, error) {
	names := strings.Split(profiles, ",")
	switch {
	case len(rest) > 0:
		return o, usage(fmt.Errorf("unexpected argument %q", rest[0]), "every option begins with --")
	case o.Listen == "" && o.Unix == "":
		return o, usage(errors.New("no socket to listen on"), "give --listen 127.0.0.1:0 or --unix PATH")
	case count < 1 || count*len(names) > maxPhones:
		return o, usage(fmt.Errorf("%d phones", count*len(names)), fmt.Sprintf("between 1 and %d", maxPhones))
	case o.Link.RTT < 0 || o.Link.BytesPerSecond < 0 || o.JetsamMiB < 0 || o.Publish < 0 || o.Publish > 0 && o.Publish < time.Second:
		return o, usage(errors.New("negative link, memory limit or publication interval, or one below 1 s"), "see bench virtual -h")
	}
	for _, name := range names {
		p, err := virtual.ProfileNamed(strings.TrimSpace(name))
		if err == nil && version != "" {
			p, err = p.WithOS(version)
		}
		if err != nil {
			return o, err
		}
		if o.Publish > 0 {
			p.Power.PublishEvery = o.Publish
		}
		if o.JetsamMiB > 0 {
			p.JetsamBytes = o.JetsamMiB << 20
		}
		for range count {
			o.Profiles = append(o.Profiles, p)
		}
	}
	return o, nil
}

// Serve runs the lab. The ready line is "virtual: listening on ADDRESS [unix PATH] [control URL] UDID…".
func Serve(ctx context.Context, o Options, stdout, stderr io.Writer) (failed error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := slog.New(slog.DiscardHandler)
	if o.Verbose {
		log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	lab, err := virtual.NewLab(virtual.LabOptions{Dir: o.Dir, Seed: o.Seed, Log: log})
	if err != nil {
		return err
	}
	defer func() { failed = errors.Join(failed, lab.Close()) }()
	var udids []string
	for _, profile := range o.Profiles {
		phone, err := lab.AddPhone(profile, virtual.PhoneOptions{Trust: lockdown.Trust(o.Trust), WithoutImage: o.NoImage, Link: o.Link})
		if err != nil {
			return err
		}
		udids = append(udids, phone.UDID())
	}
	served := make(chan error, 3)
	line, err := o.listen(ctx, lab, served)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "virtual: listening on %s %s\n", strings.Join(line, " "), strings.Join(udids, " "))
	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return err
	}
}

// listen opens every socket that was asked for, and says where. The first end of any is sent to served.
func (o Options) listen(ctx context.Context, lab *virtual.Lab, served chan<- error) ([]string, error) {
	var where []string
	if o.Listen != "" {
		l, err := net.Listen("tcp", o.Listen)
		if err != nil {
			return nil, usage(err, "choose a free address, such as 127.0.0.1:0")
		}
		where = append(where, l.Addr().String())
		go func() { served <- lab.Serve(ctx, l) }()
	}
	if o.Unix != "" {
		l, err := listenUnix(o.Unix)
		if err != nil {
			return nil, usage(err, "choose a path that can be written and that no other program listens on")
		}
		where = append(where, "unix "+o.Unix)
		go func() { served <- lab.Serve(ctx, l) }()
	}
	if o.Control != "" {
		l, err := net.Listen("tcp", o.Control)
		if err != nil {
			return nil, usage(err, "choose a free address, such as 127.0.0.1:0")
		}
		if ip := l.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
			l.Close()
			return nil, usage(fmt.Errorf("control interface on %s", ip), "it has no password: choose an address on loopback")
		}
		where = append(where, "control http://"+l.Addr().String())
		server := &http.Server{Handler: control.Handler(lab), ReadHeaderTimeout: 10 * time.Second}
		context.AfterFunc(ctx, func() { server.Close() })
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				served <- err
			}
		}()
	}
	return where, nil
}

// listenUnix takes over a socket file that nobody listens on any more.
func listenUnix(path string) (net.Listener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another program listens on %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		os.Remove(path)
	}
	return net.Listen("unix", path)
}
