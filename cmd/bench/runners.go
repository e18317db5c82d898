package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/modelstore"
	"github.com/lilims/bench/harness/owner"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/runners/iphone"
	"github.com/lilims/bench/runners/local"
	"github.com/lilims/bench/runners/simulated"
)

// Names of the runners.
const (
	runnerIPhone    = "iphone"
	runnerLocal     = "local"
	runnerSimulated = "simulated"
)

// lab is what a runner may need of the command line.
type lab struct {
	env     Env
	catalog harness.Catalog
	data    string
	seed    uint64
	trouble func(harness.Device, error) // why an attached phone tells little of itself; nil: nobody listens
}

// models are those that the runner's sessions can be made with.
func (l lab) models() modelstore.Store { return modelsOf(l.env, l.catalog, l.data) }

// simulatedModelBytes is the size that a simulated device takes a model to have whose files are not here: that of the
// small story model.
const simulatedModelBytes = 2 << 20

// findModel finds a model for a kind of runner. A simulated device needs no files: it takes a model of the catalogue by
// its name where there are none.
func (l lab) findModel(word, kind string) (harness.Model, error) {
	model, err := l.models().Find(word)
	if kind == runnerSimulated && errors.Is(err, modelstore.ErrNoFiles) {
		return harness.Model{Name: word, Hash: "simulated-" + word, SizeBytes: simulatedModelBytes}, nil
	}
	return model, err
}

// runnerMakers is the one place that lists the implementations.
func runnerMakers() map[string]func(lab) (harness.Runner, error) {
	return map[string]func(lab) (harness.Runner, error){
		runnerIPhone:    openIPhone,
		runnerLocal:     openLocal,
		runnerSimulated: openSimulated,
	}
}

func runnerNames() []string {
	var out []string
	for name := range runnerMakers() {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

func openRunner(name string, l lab) (harness.Runner, error) {
	make, ok := runnerMakers()[name]
	if !ok {
		return nil, harness.UsageError("open runner", "Available: "+strings.Join(runnerNames(), ", ")+".", "no runner is called %q", name)
	}
	return make(l)
}

// runnerFor says which runner a device's name asks for.
func runnerFor(device string) string {
	switch word := plan.Letters(device); {
	case word == runnerLocal:
		return runnerLocal
	case strings.HasPrefix(word, runnerSimulated), strings.HasPrefix(device, "SIM"):
		return runnerSimulated
	}
	return runnerIPhone
}

// runnerOfKind says which runner a recorded device belongs to.
func runnerOfKind(kind harness.DeviceKind) (string, error) {
	switch kind {
	case harness.KindIPhone, harness.KindVirtual:
		return runnerIPhone, nil
	case harness.KindLocal:
		return runnerLocal, nil
	case harness.KindSimulated:
		return runnerSimulated, nil
	}
	return "", fmt.Errorf("devices of kind %q cannot be run", kind)
}

// openIPhone reaches the phones behind usbmuxd, real or virtual. No other bench of this host has them at the same time.
func openIPhone(l lab) (harness.Runner, error) {
	var log *slog.Logger
	if l.env.Verbose {
		log = slog.New(slog.NewTextHandler(l.env.Notices, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	iphone.QuietLibrary(log)
	socket := l.env.Getenv("USBMUXD_SOCKET_ADDRESS")
	phones, err := iphone.New(iphone.Options{Socket: socket, Clock: l.env.Clock, Trouble: l.trouble,
		Lookup: func(productType string) (harness.DeviceProfile, bool) {
			return plan.ProfileNamed(productType, l.catalog)
		}})
	if err != nil {
		return nil, err
	}
	return owner.New(owner.Options{Runner: phones, Clock: l.env.Clock, Lab: wholePath(socket), Command: "bench",
		Waiting: func(text string) { fmt.Fprintln(l.env.Notices, text) }}), nil
}

// wholePath is one spelling of a socket, whatever folder it is named from.
func wholePath(socket string) string {
	socket = strings.TrimPrefix(socket, "UNIX:")
	if absolute, err := filepath.Abs(socket); err == nil && strings.ContainsRune(socket, filepath.Separator) {
		return absolute
	}
	return socket // host:port, or the platform's own
}

// openLocal runs the app on this host, with its files in the data folder.
func openLocal(l lab) (harness.Runner, error) {
	return local.New(local.Options{Dir: filepath.Join(l.data, "local"), Clock: l.env.Clock, Environ: l.env.Environ})
}

// warmthVariable says by how many °C simulated devices are warmer than their room when a run begins; absent: 0.
const warmthVariable = "BENCH_SIMULATED_WARMTH"

// openSimulated makes the simulated lab: one device of every profile of the catalogue. An iteration's speed spreads by
// 2 %, as that of a cool phone does.
func openSimulated(l lab) (harness.Runner, error) {
	warmth := 0.0
	if text := l.env.Getenv(warmthVariable); text != "" {
		var err error
		if warmth, err = strconv.ParseFloat(text, 64); err != nil || !(warmth >= 0 && warmth <= 40) {
			return nil, harness.UsageError("open runner", "Give °C above the room's, from 0 to 40.", "%s is %q", warmthVariable, text)
		}
	}
	var profiles []harness.DeviceProfile
	for _, p := range l.catalog.Devices {
		profiles = append(profiles, p)
	}
	sort.Slice(profiles, func(i, j int) bool { return profiles[i].Name < profiles[j].Name })
	return simulated.New(simulated.Options{Profiles: profiles, Seed: l.seed, Start: l.env.Clock.Now(), CV: 0.02, StartAbove: warmth}), nil
}
