package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/lilims/bench/harness"
)

// Exit codes. They are the program's contract with scripts.
const (
	exitOK           = 0 // pass, or the command did what it was asked
	exitRegression   = 1 // or a pre-launch gate fails
	exitUsage        = 2 // flags, configuration, an unreadable model or app
	exitDevice       = 3 // missing, ambiguous or unfit
	exitInconclusive = 4 // inconclusive, incomparable or not measured
	exitInternal     = 5
)

// command is one verb of the program. Its run parses the flags that it declared and does the work.
type command struct {
	name    string
	summary string // one line, for the list
	usage   string // what follows the name: "--device NAME [flags]"
	setup   func(*flag.FlagSet) action
}

// action does a command's work after its flags are parsed; rest are the arguments behind them.
type action func(ctx context.Context, env Env, rest []string) (exit int, err error)

// run is the whole program: arguments in, exit code out.
func run(ctx context.Context, env Env, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		return help(env, args)
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.execute(ctx, env, args[1:])
		}
	}
	return report(env, &harness.Error{
		Kind: harness.KindUsage, Op: args[0], Err: errors.New("no such command"),
		Hint: "Commands: " + strings.Join(names(), ", ") + ".",
	})
}

func (c command) execute(ctx context.Context, env Env, args []string) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	do := c.setup(flags)
	rest, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.help(env.Stdout, flags)
		return exitOK
	case err != nil:
		return report(env, &harness.Error{Kind: harness.KindUsage, Op: c.name, Err: err, Hint: "See bench help " + c.name + "."})
	}
	exit, err := do(ctx, env, rest)
	if err != nil {
		return report(env, err)
	}
	return exit
}

// parse reads flags wherever they stand and returns the other arguments, so that `bench report RUN --format md` and
// `bench report --format md RUN` are the same. What follows -- is never a flag.
func parse(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		left := flags.Args()
		if read := len(args) - len(left); len(left) == 0 || read > 0 && args[read-1] == "--" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
	return rest, nil
}

// report prints an error with its hint and returns the exit code of its kind.
func report(env Env, err error) int {
	// Several causes stand on lines of their own. Names in them come from devices: a terminal would obey control characters.
	lines := strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	fmt.Fprintf(env.Stderr, "bench: %s\n", strings.Join(lines, "\n    "))
	if hint := harness.HintOf(err); hint != "" {
		fmt.Fprintf(env.Stderr, "  %s\n", hint)
	}
	return exitOf(err)
}

func exitOf(err error) int {
	switch harness.KindOf(err) {
	case harness.KindUsage, harness.KindModel, harness.KindBuild:
		return exitUsage
	case harness.KindDevice:
		return exitDevice
	case harness.KindIncomparable:
		return exitInconclusive
	}
	return exitInternal
}

// usageError is a mistake in the command line.
func usageError(op, hint, format string, args ...any) error {
	return &harness.Error{Kind: harness.KindUsage, Op: op, Err: fmt.Errorf(format, args...), Hint: hint}
}

// noArguments refuses arguments behind the flags.
func noArguments(op string, rest []string) error {
	if len(rest) > 0 {
		return usageError(op, "See bench help "+op+".", "unexpected argument %q", rest[0])
	}
	return nil
}

func names() []string {
	var out []string
	for _, c := range commands() {
		out = append(out, c.name)
	}
	return out
}

func help(env Env, args []string) int {
	if len(args) > 1 {
		for _, c := range commands() {
			if c.name == args[1] {
				flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
				c.setup(flags)
				c.help(env.Stdout, flags)
				return exitOK
			}
		}
		return run(context.Background(), env, args[1:2])
	}
	fmt.Fprint(env.Stdout, "bench measures language models on iPhones and judges builds.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(env.Stdout, "  bench %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(env.Stdout, "\nbench help COMMAND tells a command's flags.\n")
	fmt.Fprint(env.Stdout, "Exit codes: 0 pass, 1 regression or failed pre-launch gate, 2 usage or configuration, 3 device missing or unfit, 4 inconclusive, incomparable or not measured, 5 internal.\n")
	return exitOK
}

func (c command) help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "bench %s: %s\n\n  bench %s %s\n\n", c.name, c.summary, c.name, c.usage)
	flags.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		if name != "" {
			name = " " + strings.ToUpper(name)
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, "  --%-22s %s\n", f.Name+name, text)
	})
}
