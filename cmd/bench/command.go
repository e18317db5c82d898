package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
)

// Exit codes. They are the program's contract with scripts.
const (
	exitOK           = 0 // pass, or the command did what it was asked
	exitRegression   = 1 // or a release check fails
	exitUsage        = 2 // flags, configuration, an unreadable model or app
	exitDevice       = 3 // missing, busy, ambiguous or unfit
	exitInconclusive = 4 // inconclusive, missing or incomparable
	exitInternal     = 5
	exitNothing      = 6   // sessions were made, and not one iteration was measured
	exitSignal       = 128 // and the signal's number: 130 or 143
)

const exitCodes = "Exit codes: 0 pass, 1 regression or a failed release check, 2 usage or configuration, 3 device missing, busy or " +
	"unfit, 4 inconclusive, missing or incomparable, 5 internal, 6 nothing measured, 130 or 143 ended by a signal."

// command describes one verb of the program, or a group of verbs.
type command struct {
	name    string
	summary string // one line, for the list
	usage   string // what follows the name: "--device NAME [flags]"
	example string // lines that a person can type
	hidden  bool
	instead string                     // what to type instead of a verb whose name is old; empty: the name is current
	setup   func(*flag.FlagSet) action // nil: a group, which only has verbs below it
	verbs   []command
}

// action does a command's work after its flags are parsed; rest are the arguments beside them.
type action func(ctx context.Context, env Env, rest []string) (exit int, err error)

// exitCode ends the program without a message: the command has printed what there is to say.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// flagOf is a flag as the command line's library has it.
type flagOf = flag.Flag

// cobra makes the command that the library runs.
func (c command) cobra(p *program) *cobra.Command { return c.below("", p) }

// below makes the command of a verb below others: "model " for those of models.
func (c command) below(group string, p *program) *cobra.Command {
	if c.example == "" {
		c.example = examples()[group+c.name]
	}
	out := &cobra.Command{Use: strings.TrimSpace(c.name + " " + c.usage), Short: c.summary, Example: indented(c.example),
		Hidden: c.hidden || c.instead != "", Args: cobra.ArbitraryArgs, DisableFlagsInUseLine: true}
	for _, verb := range c.verbs {
		out.AddCommand(verb.below(group+c.name+" ", p))
	}
	if c.setup == nil {
		out.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return harness.UsageError(c.name, "See bench "+c.name+" --help.", "no verb is given: %s", strings.Join(c.verbNames(), ", "))
			}
			return unknownCommand(cmd, args[0])
		}
		return out
	}
	do := c.setup(out.Flags())
	out.RunE = func(cmd *cobra.Command, args []string) error {
		if len(c.verbs) > 0 && len(args) > 0 {
			return unknownCommand(cmd, args[0])
		}
		if c.instead != "" {
			fmt.Fprintf(p.env.Notices, "bench: %s is now bench %s; the old name will be removed in 2.0\n", c.name, c.instead)
		}
		code, err := do(cmd.Context(), p.env, args)
		if err == nil && code != exitOK {
			return exitCode(code)
		}
		return err
	}
	return out
}

// verbNames are the names of the verbs below a command that are in its help.
func (c command) verbNames() []string {
	var out []string
	for _, verb := range c.verbs {
		if !verb.hidden && verb.instead == "" {
			out = append(out, verb.name)
		}
	}
	return out
}

// indented sets examples off in a help text.
func indented(example string) string {
	if example == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(strings.TrimSpace(example), "\n", "\n  ")
}

// unknownCommand names the nearest verbs.
func unknownCommand(cmd *cobra.Command, word string) error {
	cmd.SuggestionsMinimumDistance = 2
	hint := "See " + cmd.CommandPath() + " --help."
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		hint = "Did you mean " + strings.Join(near, " or ") + "?"
	}
	return harness.UsageError(strings.TrimPrefix(cmd.CommandPath()+" "+word, "bench "), hint, "no such command")
}

// fail prints an error with its hint and returns the exit code of its kind.
func fail(env Env, err error) int {
	// Several causes stand on lines of their own. Names in them come from devices: a terminal would obey control characters.
	lines := strings.Split(strings.TrimRight(err.Error(), "\n"), "\n")
	for i := range lines {
		lines[i] = harness.PrintableLine(lines[i])
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
	case harness.KindIncomparable, harness.KindInconclusive:
		return exitInconclusive
	case harness.KindNothing:
		return exitNothing
	}
	return exitInternal
}

// noArguments refuses arguments behind the flags.
func noArguments(op string, rest []string) error {
	if len(rest) > 0 {
		return harness.UsageError(op, "See bench help "+op+".", "unexpected argument %q", rest[0])
	}
	return nil
}
