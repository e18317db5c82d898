package main

import (
	"context"
	"fmt"
	"runtime"

	flag "github.com/spf13/pflag"
)

// version is the harness's semantic version; runs of different versions are not compared.
const version = "0.1.0"

func versionText(env Env) string {
	return fmt.Sprintf("bench %s (%s, %s/%s)", version, env.Revision, runtime.GOOS, runtime.GOARCH)
}

func versionCommand() command {
	return command{
		name: "version", summary: "print version and revision", example: "bench version\nbench --version",
		setup: func(*flag.FlagSet) action {
			return func(_ context.Context, env Env, rest []string) (int, error) {
				fmt.Fprintln(env.Stdout, versionText(env))
				return exitOK, noArguments("version", rest)
			}
		},
	}
}
