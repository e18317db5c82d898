package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/prelaunch"
	"github.com/lilims/bench/reports"
)

// prelaunchFlags is what `bench prelaunch` is asked for.
type prelaunchFlags struct {
	measuring
	claims, model, build, app string
	runner, policy, html      string
	json, measure             bool
	configs, data             *string
}

func prelaunchCommand() command {
	return command{
		name: "prelaunch", summary: "hold memory, soak, speed and size against what a release claims", usage: "[--claims NAME|FILE] [--model M] [--build BUILD] [--app APP.ipa] [--measure] [--json] [--html FILE]",
		setup: func(flags *flag.FlagSet) action {
			var f prelaunchFlags
			f.configs, f.data = configsFlag(flags), dataFlag(flags)
			f.measuring.declare(flags)
			flags.StringVar(&f.claims, "claims", "default", "`claims` of the catalogue, or a YAML file of the same form")
			flags.StringVar(&f.model, "model", "", "`model` that the release ships, by name or folder (default the claims')")
			flags.StringVar(&f.build, "build", "", "`path` of the build: only its runs count, and --measure runs it (default the latest runs of any)")
			flags.StringVar(&f.app, "app", "", "`path` of the .ipa whose size counts (default --build where it is one, else what make has built)")
			flags.StringVar(&f.runner, "runner", runnerIPhone, "`runner` whose runs count: iphone, real or virtual, or simulated")
			flags.StringVar(&f.policy, "policy", "default", "`policy` of the catalogue, for --measure: when a device is fit")
			flags.BoolVar(&f.measure, "measure", false, "make the runs that are missing first, on the devices that the claims name")
			flags.BoolVar(&f.json, "json", false, "print the page as JSON")
			flags.StringVar(&f.html, "html", "", "`file` to write the page to as HTML, besides")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("prelaunch", rest); err != nil {
					return 0, err
				}
				return f.do(ctx, env)
			}
		},
	}
}

func (f *prelaunchFlags) do(ctx context.Context, env Env) (int, error) {
	r, err := f.release(ctx, env)
	if err != nil {
		return 0, err
	}
	defer r.close()
	if f.measure {
		if err := f.measureMissing(ctx, r); err != nil {
			return 0, err
		}
	}
	gates, err := r.gates(ctx)
	if err != nil {
		return 0, err
	}
	page := prelaunch.NewPage(r.claims, r.model.Name, env.Clock.Now(), gates)
	if err := f.show(env, page); err != nil {
		return 0, err
	}
	return exitOfPage(page), nil
}

// show prints the page. With --json only JSON goes to standard output.
func (f *prelaunchFlags) show(env Env, page prelaunch.Page) error {
	write, places := reports.PrelaunchText, env.Stdout
	if f.json {
		write, places = reports.PrelaunchJSON, env.Stderr
	}
	if err := write(env.Stdout, page); err != nil || f.html == "" {
		return err
	}
	if err := writeFile(f.html, func(w io.Writer) error { return reports.PrelaunchHTML(w, page) }); err != nil {
		return err
	}
	_, err := fmt.Fprintf(places, "\npage      %s\n", f.html)
	return err
}

// exitOfPage is the exit code of a page: a failure outweighs what was not measured.
func exitOfPage(page prelaunch.Page) int {
	switch page.Status {
	case prelaunch.Pass:
		return exitOK
	case prelaunch.Fail:
		return exitRegression
	}
	return exitInconclusive
}

// measureMissing makes a run of every case that has a gate without a figure. What cannot be measured here, for want of
// a device, stays so with its reason.
func (f *prelaunchFlags) measureMissing(ctx context.Context, r *release) error {
	for i := range r.promises {
		p := &r.promises[i]
		gates, err := r.judge(ctx, *p)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(gates, func(g prelaunch.Gate) bool { return g.Status == prelaunch.NotMeasured }) {
			continue
		}
		if err := f.measureOne(ctx, r, *p); err != nil {
			if harness.KindOf(err) != harness.KindDevice || ctx.Err() != nil {
				return err
			}
			fail(r.lab.env, err)
			p.failed = err.Error()
		}
	}
	return nil
}

// measureOne makes a run of a promise's case, by the path of bench run and bench soak.
func (f *prelaunchFlags) measureOne(ctx context.Context, r *release, p promise) error {
	device := p.device.Name
	if f.runner == runnerSimulated {
		device = runnerSimulated + "-" + strings.ToLower(device)
	}
	w, err := f.measuring.open(ctx, r.lab.env, &selection{devices: words{device}, runner: f.runner, models: words{p.modelWord},
		scenarios: words{p.scenario.Name}, build: f.build, policy: f.policy, seed: r.lab.seed, configs: f.configs, data: f.data})
	if err != nil {
		return err
	}
	defer w.close()
	if _, _, err := w.setup.Run(ctx, w.plan); err != nil { // launches as the scenario says
		return err
	}
	return r.readRuns(ctx)
}
