package main

import (
	"context"
	"fmt"

	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/interop"
	"github.com/lilims/bench/harness/store"
)

func importCommand() command {
	return command{
		name: "import", summary: "import measurements from files of other tools", usage: "FILE…",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				return exitOK, importFiles(ctx, env, dataFolder(env, *data), rest)
			}
		},
	}
}

// importFiles reads every file before anything is recorded.
func importFiles(ctx context.Context, env Env, data string, paths []string) error {
	if len(paths) == 0 {
		return harness.UsageError("import", interop.Readable, "no file is named")
	}
	files, err := interop.ReadFiles(paths...)
	if err != nil {
		return err
	}
	recorder, err := store.Open(ctx, store.File(data))
	if err != nil {
		return err
	}
	defer recorder.Close()
	origin := interop.Origin{Revision: env.Revision, Host: env.Host, Clock: env.Clock}
	for _, file := range files {
		run, err := interop.Record(ctx, recorder, origin, file)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%s: run %s, %s imported\n", file.Path, run, harness.Count(len(file.Sessions), "session"))
	}
	return nil
}
