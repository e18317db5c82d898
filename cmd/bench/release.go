package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/harness/release"
	"github.com/lilims/bench/harness/store"
	"github.com/lilims/bench/reports"
)

func releaseCommand() command {
	return command{name: "release", summary: "check the claims of a release", usage: "check", verbs: []command{releaseCheckCommand("check")}}
}

func prelaunchCommand() command {
	c := releaseCheckCommand("prelaunch")
	c.instead = "release check"
	return c
}

// checkFlags is what `bench release check` is asked for.
type checkFlags struct {
	measuring
	claims, model, build, app string
	runner, policy, html      string
	json, measure             bool
	configs, data             *string
}

func releaseCheckCommand(name string) command {
	return command{
		name: name, summary: "compare memory, soak, speed and size with the claims of a release",
		usage: "[--claims NAME|FILE] [--model M] [--build BUILD] [--app APP.ipa] [--measure] [--json] [--html FILE]",
		setup: func(flags *flag.FlagSet) action {
			var f checkFlags
			f.declare(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("release check", rest); err != nil {
					return 0, err
				}
				return f.do(ctx, env)
			}
		},
	}
}

func (f *checkFlags) declare(flags *flag.FlagSet) {
	f.configs, f.data = configsFlag(flags), dataFlag(flags)
	f.measuring.declare(flags)
	flags.StringVar(&f.claims, "claims", "default", "`claims` of the catalogue, or a YAML file of the same form")
	flags.StringVar(&f.model, "model", "", "`model` that the release ships, by name or folder (default the claims')")
	flags.StringVar(
		&f.build, "build", "", "`path` of the build whose runs count, and which --measure runs (default the latest runs of any build)",
	)
	flags.StringVar(&f.app, "app", "", "`path` of the .ipa whose size counts (default --build where it is one, else the output of make)")
	flags.StringVar(&f.runner, "runner", runnerIPhone, "`runner` whose runs count: iphone, real or virtual, or simulated")
	flags.StringVar(&f.policy, "policy", "default", "`policy` of the catalogue, for --measure: device conditions")
	flags.BoolVar(&f.measure, "measure", false, "first make the missing runs, on the devices that the claims name")
	flags.BoolVar(&f.json, "json", false, "print the checks as JSON")
	flags.StringVar(&f.html, "html", "", "`file` for the checks as an HTML page")
}

func (f *checkFlags) do(ctx context.Context, env Env) (int, error) {
	options, err := f.options(env)
	if err != nil {
		return 0, err
	}
	checked, err := release.New(options)
	if err != nil {
		return 0, err
	}
	recordings, closeDatabase, err := f.recordings(ctx, env)
	if err != nil {
		return 0, err
	}
	defer closeDatabase()
	page, err := checked.Evaluate(ctx, recordings, env.Clock.Now())
	if err != nil {
		return 0, err
	}
	if err := f.show(env, page); err != nil {
		return 0, err
	}
	return map[release.Status]int{release.Pass: exitOK, release.Fail: exitRegression, release.NotMeasured: exitInconclusive}[page.Status], nil
}

// kindsOfRunner are the kinds of devices whose runs count, the preferred one first.
var kindsOfRunner = map[string][]harness.DeviceKind{
	runnerIPhone:    {harness.KindIPhone, harness.KindVirtual},
	runnerSimulated: {harness.KindSimulated},
}

// options finds what the flags name.
func (f *checkFlags) options(env Env) (release.Options, error) {
	o := release.Options{Model: f.model, Kinds: kindsOfRunner[f.runner], Unmeasured: func(err error) { fail(env, err) }}
	if o.Kinds == nil {
		return o, harness.UsageError("release check", "Claims are about phones. Runners: iphone, simulated.", "--runner %q", f.runner)
	}
	var err error
	if o.Catalog, err = loadCatalog(*f.configs); err != nil {
		return o, err
	}
	if o.Claims, err = config.ClaimsNamed(o.Catalog, f.claims); err != nil {
		return o, err
	}
	if f.build != "" {
		build, unread := readBuild(env, f.runner, f.build, harness.ArmCandidate)
		if unread != nil {
			return o, unread
		}
		o.Build = build.Hash
	}
	if o.App, o.NoApp, err = f.findApp(env); err != nil {
		return o, err
	}
	of := lab{env: env, catalog: o.Catalog, data: dataFolder(env, *f.data), seed: 1}
	o.Find = func(word string) (harness.Model, error) { return of.findModel(word, f.runner) }
	o.Manifest = of.models().ManifestOf
	if f.measure {
		o.Measure = func(ctx context.Context, c release.Claim) error { return f.measureOne(ctx, env, c) }
	}
	return o, nil
}

// findApp reads the app that is named, or what is at hand. That nothing is at hand is no mistake; why says so.
func (f *checkFlags) findApp(env Env) (app *appbundle.App, why string, err error) {
	file := f.app
	if file == "" && filepath.Ext(f.build) == ".ipa" && isFile(f.build) {
		file = f.build
	}
	if file == "" {
		if file = defaultBuild(env, runnerIPhone); !isFile(file) {
			return nil, fmt.Sprintf("there is no %s; name an .ipa with --app", file), nil
		}
	}
	found, err := appbundle.Inspect(file)
	return &found, "", err
}

// recordings opens the database. Where there is none, only measuring makes one.
func (f *checkFlags) recordings(ctx context.Context, env Env) (release.Recordings, func(), error) {
	path := store.File(dataFolder(env, *f.data))
	if !f.measure && !isFile(path) {
		return nil, func() {}, nil
	}
	db, err := store.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	return db, func() { _ = db.Close() }, nil // every run is stored by the time that its measuring returns
}

// show prints the page. With --json only JSON goes to standard output.
func (f *checkFlags) show(env Env, page release.Page) error {
	write, places := reports.Release, env.Stdout
	if f.json {
		write, places = reports.ReleaseJSON, env.Notices
	}
	if err := write(env.Stdout, page); err != nil || f.html == "" {
		return err
	}
	if err := writeFile(f.html, func(w io.Writer) error { return reports.ReleaseHTML(w, page) }); err != nil {
		return err
	}
	_, err := fmt.Fprintf(places, "\npage      %s\n", f.html)
	return err
}

// measureOne makes a run of a claim's case, by the path of bench run and bench soak.
func (f *checkFlags) measureOne(ctx context.Context, env Env, c release.Claim) error {
	device := c.Device.Name
	if f.runner == runnerSimulated {
		device = runnerSimulated + "-" + strings.ToLower(device)
	}
	w, err := f.measuring.open(ctx, env, &selection{devices: words{device}, runner: f.runner, models: words{c.Word},
		scenarios: words{c.Scenario.Name}, build: f.build, policy: f.policy, seed: 1, configs: f.configs, data: f.data})
	if err != nil {
		return err
	}
	defer w.close()
	_, _, err = w.setup.Run(ctx, w.plan) // launches as the scenario says
	return err
}
