package main

import (
	"context"
	"os"

	"github.com/spf13/cobra/doc"
	flag "github.com/spf13/pflag"

	"github.com/lilims/bench/harness"
)

func manCommand() command {
	return command{
		name: "man", summary: "write the manual pages into a folder", usage: "FOLDER", hidden: true,
		example: "bench man share/man/man1",
		setup: func(*flag.FlagSet) action {
			return func(_ context.Context, env Env, rest []string) (int, error) {
				if len(rest) != 1 {
					return 0, harness.UsageError("man", "Use bench man FOLDER.", "expected one folder, not %d", len(rest))
				}
				if err := os.MkdirAll(rest[0], 0o755); err != nil {
					return 0, harness.UsageError("man", "Name another folder.", "%w", err)
				}
				p := &program{env: env}
				now := env.Clock.Now()
				header := &doc.GenManHeader{Title: "BENCH", Section: "1", Source: versionText(env), Manual: "bench manual", Date: &now}
				return exitOK, doc.GenManTree(p.root(), header, rest[0])
			}
		},
	}
}
