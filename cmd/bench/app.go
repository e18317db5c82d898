package main

import (
	"context"
	"os"
	"path/filepath"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/virtualiphone/bundle"
)

func appCommand() command {
	return command{
		name: "app", summary: "pack an agent of this host as the .ipa of a virtual iPhone", usage: "--agent PATH --output OUT.ipa",
		setup: func(flags *flag.FlagSet) action {
			agent := flags.String("agent", "", "`path` of the agent's executable")
			output := flags.String("output", "", "`path` of the .ipa to write")
			app := bundle.App{Name: "BenchApp", Configuration: "Release"}
			flags.StringVar(&app.BundleID, "bundle-id", "org.lilims.bench", "bundle `id`; a comparison's two arms need two")
			flags.StringVar(&app.Version, "app-version", "1.0.0", "the app's `version`")
			flags.StringVar(&app.Revision, "revision", "unknown", "git `revision` that the agent was built from")
			return func(_ context.Context, _ Env, rest []string) (int, error) {
				if err := noArguments("app", rest); err != nil {
					return 0, err
				}
				if *agent == "" || *output == "" {
					return 0, harness.UsageError("app", "See bench help app.", "--agent and --output are needed")
				}
				app.Executable = *agent
				return exitOK, packApp(app, *output)
			}
		},
	}
}

// packApp writes the bundle beside its place and moves it there whole.
func packApp(app bundle.App, output string) error {
	fail := func(err error) error {
		return &harness.Error{Kind: harness.KindBuild, Op: "pack app", Err: err, Hint: "Check that the agent is built and the output's folder can be written."}
	}
	file, err := os.CreateTemp(filepath.Dir(output), ".ipa-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(file.Name())
	if err := bundle.Pack(file, app); err != nil {
		file.Close()
		return fail(err)
	}
	if err := file.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(file.Name(), output); err != nil {
		return fail(err)
	}
	return nil
}
