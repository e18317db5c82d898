package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// revision is the git revision, set by the linker.
var revision = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, hostEnv(), os.Args[1:]))
}
