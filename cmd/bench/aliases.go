package main

import (
	"fmt"
	"io"

	flag "github.com/spf13/pflag"
)

// aliasOf marks a flag as the old name of another.
const aliasOf = "alias of"

// alias lets a flag that was renamed be given by its old name too, until version 2.0: not shown in help, with a notice.
func alias(flags *flag.FlagSet, old, name string) {
	f := *flags.Lookup(name)
	f.Name, f.Shorthand, f.Hidden = old, "", true
	f.Annotations = map[string][]string{aliasOf: {name}}
	flags.AddFlag(&f)
}

// noticeAliases tells which old names were given, once the flags are parsed, and lets the new ones count as given.
func noticeAliases(flags *flag.FlagSet, w io.Writer) {
	flags.Visit(func(f *flag.Flag) {
		for _, name := range f.Annotations[aliasOf] {
			flags.Lookup(name).Changed = true
			fmt.Fprintf(w, "bench: --%s is now --%s; the old name will be removed in 2.0\n", f.Name, name)
		}
	})
}
