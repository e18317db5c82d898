package main

import (
	"context"
	"errors"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/owner"
	"github.com/lilims/bench/harness/plan"
	"github.com/lilims/bench/reports"
	"github.com/lilims/bench/runners/iphone"
)

func devicesCommand() command {
	return command{
		name: "devices", summary: "list connected, local and simulated devices", usage: "[--json]",
		setup: func(flags *flag.FlagSet) action {
			configs := configsFlag(flags)
			asJSON := flags.Bool("json", false, "print the devices as JSON")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if err := noArguments("devices", rest); err != nil {
					return 0, err
				}
				catalog, err := loadCatalog(*configs)
				if err != nil {
					return 0, err
				}
				return listDevices(ctx, lab{env: env, catalog: catalog}, *asJSON)
			}
		},
	}
}

// listDevices asks every runner, and returns the exit code. One that cannot answer is named on standard error and does
// not hide the others; that no usbmuxd runs is no fault of a host without phones.
func listDevices(ctx context.Context, l lab, asJSON bool) (int, error) {
	l.trouble = func(_ harness.Device, err error) { fail(l.env, err) }
	all, exit := []reports.ListedDevice{}, exitOK
	for _, name := range runnerNames() {
		runner, err := openRunner(name, l)
		if err == nil {
			var found []harness.Device
			found, err = runner.Devices(ctx)
			for _, d := range found {
				all = append(all, reports.ListedDevice{Device: plan.Described(d, l.catalog), InUseBy: holderOf(runner, d)})
			}
		}
		if err != nil {
			if code := fail(l.env, err); !errors.Is(err, iphone.ErrNoUsbmuxd) {
				exit = max(exit, code)
			}
		}
	}
	if asJSON {
		return exit, reports.ListingJSON(l.env.Stdout, "devices", all)
	}
	return exit, reports.Devices(l.env.Stdout, all)
}

// holderOf says who has a device; "": nobody.
func holderOf(runner harness.Runner, d harness.Device) string {
	if leased, ok := runner.(*owner.Runner); ok {
		if holder, held := leased.Holder(d); held {
			return holder.String()
		}
	}
	return ""
}
