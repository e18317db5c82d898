package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/plan"
)

// selection is what `run` and `plan` are asked for.
type selection struct {
	devices   words
	runner    string
	models    words
	scenarios words
	build     string
	baseline  string
	policy    string
	sessions  int
	seed      uint64
	configs   *string
	data      *string
	planOnly  bool                         // nothing is launched: no file is written
	adjust    func(*harness.Catalog) error // of a command that bends scenarios before they are planned; nil: none
}

// words is a flag that may be given several times. It takes no commas as separators: Apple's product types have one.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Type() string { return "name" }

func (w *words) Set(word string) error {
	if strings.TrimSpace(word) == "" {
		return errors.New("an empty name")
	}
	*w = append(*w, word)
	return nil
}

// declare puts the selection's flags on a command.
func (s *selection) declare(flags *flag.FlagSet) {
	flags.Var(&s.devices, "device", "`name`, UDID or product type; simulated-iphone15 and local need no phone; repeat the flag for several")
	flags.StringVar(&s.runner, "runner", "", "`runner`: "+strings.Join(runnerNames(), ", ")+" (default by the device's name)")
	flags.Var(&s.models, "model", "`model` of the catalogue, or a folder with a manifest.json (default stories-1m)")
	flags.Var(&s.scenarios, "scenario", "`scenario` of the catalogue, or a pattern such as prompt-* (default quick)")
	flags.StringVar(
		&s.build, "build", "", "`path` of the candidate build: .ipa for a phone, executable for local (default the output of make)",
	)
	flags.StringVar(&s.baseline, "baseline", "", "`path` of a baseline build, interleaved with the candidate")
	flags.StringVar(&s.policy, "policy", "default", "`policy` of the catalogue: device conditions, metrics and thresholds")
	flags.IntVar(&s.sessions, "sessions", 0, "`launches` per case and build (default the scenario's)")
	flags.Uint64Var(&s.seed, "seed", 1, "`seed` of the order; the same seed makes the same plan")
	s.configs, s.data = configsFlag(flags), dataFlag(flags)
}

// declareWithout puts the selection's flags on a command but those that it does not read.
func (s *selection) declareWithout(flags *flag.FlagSet, names ...string) {
	all := flag.NewFlagSet("", flag.ContinueOnError)
	s.declare(all)
	all.VisitAll(func(f *flag.Flag) {
		if !slices.Contains(names, f.Name) {
			flags.AddFlag(f)
		}
	})
}

// resolved is a selection with all that it names.
type resolved struct {
	lab    lab
	kind   string // of runner
	runner harness.Runner
	policy harness.Policy
	wanted plan.Selection // what the plan was made of
	plan   harness.Plan
}

// resolve finds everything that the selection names and makes the plan. Configuration, models and builds are checked
// before any device is asked for, so that a typing mistake costs no time.
func (s *selection) resolve(ctx context.Context, env Env) (resolved, error) {
	out := resolved{lab: lab{env: env, data: dataFolder(env, *s.data), seed: s.seed}}
	if err := s.check(&out); err != nil {
		return out, err
	}
	var err error
	var troubles []error
	out.lab.trouble = func(_ harness.Device, err error) { troubles = append(troubles, err) }
	if out.runner, err = openRunner(out.kind, out.lab); err != nil {
		return out, err
	}
	if out.wanted.Devices, err = s.findDevices(ctx, out); err != nil {
		for _, trouble := range troubles { // the phone that is meant may be one that tells no name
			fail(env, trouble)
		}
		return out, err
	}
	if err = s.unpack(out); err != nil {
		return out, err
	}
	out.plan, err = plan.Build(out.lab.catalog, out.wanted)
	return out, err
}

// check finds all that the selection names but its devices.
func (s *selection) check(out *resolved) error {
	var err error
	if out.lab.catalog, err = loadCatalog(*s.configs); err != nil {
		return err
	}
	if s.adjust != nil {
		if err = s.adjust(&out.lab.catalog); err != nil {
			return err
		}
	}
	if len(s.devices) == 0 {
		return plan.NoDeviceNamed()
	}
	if out.kind, err = s.runnerKind(); err != nil {
		return err
	}
	if out.policy, err = config.Find("policy", s.policy, out.lab.catalog.Policies); err != nil {
		return err
	}
	wanted := plan.Selection{Scenarios: s.scenarios, Sessions: s.sessions, Seed: s.seed}
	if len(wanted.Scenarios) == 0 {
		wanted.Scenarios = []string{"quick"}
	}
	if wanted.Models, err = s.findModels(out.lab, out.kind); err != nil {
		return err
	}
	if wanted.Builds, err = s.findBuilds(out.lab.env, out.kind); err != nil {
		return err
	}
	out.wanted = wanted
	return s.dryPlan(out.lab.catalog, wanted)
}

// dryPlan reports what is wrong with the selection apart from its devices.
func (s *selection) dryPlan(catalog harness.Catalog, wanted plan.Selection) error {
	for i, word := range s.devices {
		wanted.Devices = append(wanted.Devices, harness.Device{Name: word, UDID: fmt.Sprint(i)})
	}
	_, err := plan.Build(catalog, wanted)
	return err
}

// runnerKind is the one runner of all devices: a run is of one kind, so that its numbers may stand in one table.
func (s *selection) runnerKind() (string, error) {
	kind := s.runner
	for _, device := range s.devices {
		if s.runner != "" {
			break
		}
		if k := runnerFor(device); kind == "" {
			kind = k
		} else if k != kind {
			return "", harness.UsageError("choose device", "Make a run of each kind; their numbers may not stand in one table.",
				"%s and %s devices in one run", kind, k)
		}
	}
	if _, ok := runnerMakers()[kind]; !ok {
		_, err := openRunner(kind, lab{})
		return "", err
	}
	return kind, nil
}
