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
	flags.StringVar(&s.build, "build", "", "`path` of the candidate: .ipa for a phone, executable for local (default what make has built)")
	flags.StringVar(&s.baseline, "baseline", "", "`path` of a second build, launched in turn with the candidate")
	flags.StringVar(&s.policy, "policy", "default", "`policy` of the catalogue: when a device is fit")
	flags.IntVar(&s.sessions, "sessions", 0, "`launches` per case and build (default as the scenario says)")
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
	var err error
	if out.lab.catalog, err = loadCatalog(*s.configs); err != nil {
		return out, err
	}
	if s.adjust != nil {
		if err := s.adjust(&out.lab.catalog); err != nil {
			return out, err
		}
	}
	if len(s.devices) == 0 {
		return out, noDeviceNamed()
	}
	if out.kind, err = s.runnerKind(); err != nil {
		return out, err
	}
	if out.policy, err = config.Find("policy", s.policy, out.lab.catalog.Policies); err != nil {
		return out, err
	}
	wanted := plan.Selection{Scenarios: s.scenarios, Sessions: s.sessions, Seed: s.seed}
	if len(wanted.Scenarios) == 0 {
		wanted.Scenarios = []string{"quick"}
	}
	if wanted.Models, err = s.findModels(out); err != nil {
		return out, err
	}
	if wanted.Builds, err = s.findBuilds(env, out.kind); err != nil {
		return out, err
	}
	if err := s.dryPlan(out.lab.catalog, wanted); err != nil {
		return out, err
	}
	if out.runner, err = openRunner(out.kind, out.lab); err != nil {
		return out, err
	}
	if wanted.Devices, err = s.findDevices(ctx, out); err != nil {
		return out, err
	}
	out.wanted = wanted
	out.plan, err = plan.Build(out.lab.catalog, wanted)
	return out, err
}

func noDeviceNamed() error {
	return harness.UsageError("choose device", "`bench devices` lists what there is; simulated-iphone15 needs no phone.", "no --device is given")
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
			return "", harness.UsageError("choose device", "Make a run of each kind; their numbers may not stand in one table.", "%s and %s devices in one run", kind, k)
		}
	}
	if _, ok := runnerMakers()[kind]; !ok {
		_, err := openRunner(kind, lab{})
		return "", err
	}
	return kind, nil
}

func (s *selection) findModels(r resolved) ([]harness.Model, error) {
	wanted := s.models
	if len(wanted) == 0 {
		wanted = words{"stories-1m"}
	}
	var out []harness.Model
	for _, word := range wanted {
		model, err := findNamedModel(r, word)
		if err != nil {
			return nil, err
		}
		out = append(out, model)
	}
	return out, nil
}

// findNamedModel takes a folder, or a model of the catalogue. A simulated device needs no files: it takes the model's
// name where there are none.
func findNamedModel(r resolved, word string) (harness.Model, error) {
	if strings.ContainsAny(word, "/\\") {
		return readModel(word)
	}
	folder, several := addedModel(r.lab.data, word)
	if folder != "" {
		return readModel(folder)
	}
	if len(several) > 0 {
		return harness.Model{}, harness.UsageError("find model", "There are: "+strings.Join(several, ", ")+".", "%s was converted more than once; which one?", word)
	}
	entry, err := config.Find("model", word, r.lab.catalog.Models)
	if err != nil {
		return harness.Model{}, err
	}
	if folder, ok := findModel(r.lab.env, entry, r.lab.data); ok {
		return readModel(folder)
	}
	if r.kind == runnerSimulated {
		return harness.Model{Name: word, Hash: "simulated-" + word, SizeBytes: simulatedModelBytes}, nil
	}
	if len(entry.Files) > 0 {
		return harness.Model{}, &harness.Error{Kind: harness.KindModel, Op: "find model " + word, Err: errors.New("it is not converted yet"),
			Hint: "Make it with `bench model add " + entry.Name + "`."}
	}
	return harness.Model{}, &harness.Error{Kind: harness.KindModel, Op: "find model " + word, Err: fmt.Errorf("%s is not there", entry.Path),
		Hint: "Run from the repository, or name the model's folder with --model PATH."}
}

// simulatedModelBytes is the size that a simulated device takes a model to have whose files are not there: that of the
// small story teller.
const simulatedModelBytes = 2 << 20

func (s *selection) findBuilds(env Env, kind string) ([]harness.Build, error) {
	path := s.build
	if path == "" {
		path = defaultBuild(env, kind)
	}
	candidate, err := readBuild(env, kind, path, harness.ArmCandidate)
	if err != nil || s.baseline == "" {
		return []harness.Build{candidate}, err
	}
	baseline, err := readBuild(env, kind, s.baseline, harness.ArmBaseline)
	if err == nil && baseline.BundleID == candidate.BundleID && baseline.Hash != candidate.Hash {
		err = &harness.Error{Kind: harness.KindBuild, Op: "read builds", Err: fmt.Errorf("both have the bundle identifier %s", candidate.BundleID),
			Hint: "Give each arm its own, so that launching one does not remove the other with its caches."}
	}
	return []harness.Build{candidate, baseline}, err
}

func (s *selection) findDevices(ctx context.Context, r resolved) ([]harness.Device, error) {
	connected, err := r.runner.Devices(ctx)
	if err != nil {
		return nil, err
	}
	for i := range connected {
		connected[i] = described(connected[i], r.lab.catalog)
	}
	var out []harness.Device
	for _, word := range s.devices {
		device, err := chooseDevice(word, connected, r.lab.catalog)
		if err != nil {
			return nil, err
		}
		out = append(out, device)
	}
	return out, nil
}
