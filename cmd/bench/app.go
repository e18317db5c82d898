package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/google/renameio/v2"
	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/appbundle"
	"github.com/lilims/bench/reports"
	"github.com/lilims/bench/virtualiphone/bundle"
)

func appCommand() command {
	pack := packCommand()
	return command{
		name: "app", summary: "pack an .ipa for a virtual iPhone, or inspect one", usage: "pack|inspect",
		verbs: []command{pack, inspectCommand()},
		setup: func(flags *flag.FlagSet) action { // pack's flags without its name: how it was called before there were two verbs
			do := pack.setup(flags)
			flags.VisitAll(func(f *flag.Flag) { f.Hidden = true })
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if flags.NFlag() == 0 {
					return 0, harness.UsageError("app", "Verbs: bench app pack, bench app inspect.", "no verb is given")
				}
				fmt.Fprintln(env.Notices, "bench: app without a verb is now bench app pack; the old form will be removed in 2.0")
				return do(ctx, env, rest)
			}
		},
	}
}

func packCommand() command {
	return command{
		name: "pack", summary: "pack this host's agent as an .ipa for a virtual iPhone", usage: "--agent PATH --output OUT.ipa",
		setup: func(flags *flag.FlagSet) action {
			output := flags.StringP("output", "o", "", "`path` of the .ipa to write")
			app := bundle.App{Name: "BenchApp", Configuration: "Release"}
			flags.StringVar(&app.Executable, "agent", "", "`path` of the agent's executable")
			flags.StringVar(&app.BundleID, "bundle-id", "org.lilims.bench", "bundle `id`; the two builds of a comparison need different ones")
			flags.StringVar(&app.Version, "app-version", "1.0.0", "the app's `version`")
			flags.StringVar(&app.Revision, "revision", appbundle.UnknownRevision, "git `revision` that the agent was built from")
			return func(_ context.Context, _ Env, rest []string) (int, error) {
				if err := noArguments("app pack", rest); err != nil {
					return 0, err
				}
				if app.Executable == "" || *output == "" {
					return 0, harness.UsageError("app pack", "See bench help app pack.", "--agent and --output are needed")
				}
				return exitOK, packApp(app, *output)
			}
		},
	}
}

// packApp writes the bundle beside its place and moves it there whole.
func packApp(app bundle.App, output string) (err error) {
	defer func() {
		if err != nil {
			err = &harness.Error{Kind: harness.KindBuild, Op: "pack app", Err: err,
				Hint: "Check that the agent is built and the output's folder can be written."}
		}
	}()
	file, err := renameio.NewPendingFile(output, renameio.WithTempDir(filepath.Dir(output)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer func() { _ = file.Cleanup() }() // of a file that has not reached its place; the error that stopped it is told
	if err := bundle.Pack(file, app); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

func inspectCommand() command {
	return command{
		name: "inspect", summary: "show the metadata and sizes of an .ipa", usage: "FILE [--json]",
		setup: func(flags *flag.FlagSet) action {
			asJSON := flags.Bool("json", false, "print JSON, as documented in docs/json.md")
			return func(_ context.Context, env Env, rest []string) (int, error) {
				if len(rest) != 1 {
					return 0, harness.UsageError("app inspect", "See bench help app inspect.", "expected one .ipa, not %d", len(rest))
				}
				app, err := appbundle.Inspect(rest[0])
				if err != nil {
					return 0, err
				}
				if *asJSON {
					return exitOK, reports.AppJSON(env.Stdout, app)
				}
				return exitOK, reports.App(env.Stdout, app)
			}
		},
	}
}
