package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/config"
	"github.com/lilims/bench/reports"
)

// program is one start of bench: the host as its verbs see it, once the global flags and settings are read.
type program struct {
	env      Env
	settings *config.Settings
	output   string        // file for what goes to standard output; empty: none
	written  *bytes.Buffer // what goes there
	quiet    bool
	verbose  bool
	noColor  bool
}

// run is the whole program: arguments in, exit code out.
func run(ctx context.Context, env Env, args []string) int {
	if env.Notices == nil {
		env.Notices = env.Stderr
	}
	p := &program{env: env}
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if saved := p.save(); err == nil {
		err = saved
	}
	code := exitOK
	var said exitCode
	switch {
	case errors.As(err, &said):
		code = int(said)
	case err != nil:
		code = fail(env, err)
	}
	var ended signalError
	if code != exitOK && errors.As(context.Cause(ctx), &ended) {
		return exitSignal + int(ended.signal.(syscall.Signal))
	}
	return code
}

// signalError ends the program's context when a signal has arrived.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return "stopped by a signal: " + e.signal.String() }

// root makes the command tree.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use: "bench", Short: "Benchmark language models on iPhones and gate builds on regressions",
		Long:    "bench measures on-device language models on iPhones and judges candidate builds against a baseline.\n\n" + exitCodes,
		Example: "  bench demo\n  bench run --device simulated-iphone15\n  bench run --device iPhone15 --build BenchApp.ipa",
		Version: versionText(p.env),
		Args:    cobra.ArbitraryArgs, SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return p.prepare(cmd) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(p.env.Stdin)
	root.SetOut(p.env.Stdout)
	root.SetErr(p.env.Stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		hint := "See " + cmd.CommandPath() + " --help."
		if near := nearFlag(cmd, err); near != "" {
			hint = "Did you mean --" + near + "?"
		}
		return harness.UsageError(cmd.Name(), hint, "%w", err)
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&p.output, "output", "o", "", "write the result to `file`, whole or not at all, instead of standard output")
	flags.BoolVarP(&p.quiet, "quiet", "q", false, "no progress and no notices; errors are still printed")
	flags.BoolVarP(&p.verbose, "verbose", "v", false, "also print the log of the device library, or of the virtual iPhones")
	flags.BoolVar(&p.noColor, "no-color", false, "never use colour (also NO_COLOR)")
	for _, c := range commands() {
		root.AddCommand(c.cobra(p))
	}
	p.completions(root)
	return root
}

// prepare reads the settings and the global flags before a verb begins.
func (p *program) prepare(cmd *cobra.Command) error {
	settings, err := readSettings(p.env)
	if err != nil {
		return err
	}
	p.settings = settings
	noticeAliases(cmd.Flags(), map[bool]io.Writer{false: p.env.Notices, true: io.Discard}[p.quiet])
	if err := settings.Apply(cmd.Flags()); err != nil {
		return err
	}
	if p.quiet {
		p.env.Notices = io.Discard
		p.env.Terminal = false
	}
	p.env.Verbose = p.verbose
	p.env.Settings = settings
	switch {
	case p.output != "" && p.output != "-":
		p.written = &bytes.Buffer{}
		p.env.Stdout = p.written
	case p.env.Color && !p.noColor && p.env.Getenv("NO_COLOR") == "" && p.env.Getenv("TERM") != "dumb":
		p.env.Stdout = reports.Terminal{Writer: p.env.Stdout}
	}
	return nil
}

// save writes what was printed to the file that --output names.
func (p *program) save() error {
	if p.written == nil || p.written.Len() == 0 {
		return nil
	}
	if err := renameio.WriteFile(p.output, p.written.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(p.output))); err != nil {
		return harness.UsageError("write output", "Name another file with --output.", "%w", err)
	}
	return nil
}

// readSettings reads the settings files: the person's own, then the working folder's.
func readSettings(env Env) (*config.Settings, error) {
	var files []config.SettingsFile
	for _, name := range env.SettingsFiles {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, harness.UsageError("read settings", "Make the file readable, or move it away.", "%w", err)
		}
		files = append(files, config.SettingsFile{Name: name, Text: text})
	}
	return config.LoadSettings(files, env.Getenv)
}

// nearFlag is the flag that a mistyped one may have meant.
func nearFlag(cmd *cobra.Command, err error) string {
	typed, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return ""
	}
	var known []string
	cmd.Flags().VisitAll(func(f *flagOf) {
		if !f.Hidden {
			known = append(known, f.Name)
		}
	})
	return harness.Near(typed, known)
}
