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
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(signalError{<-signals})
		signal.Stop(signals) // a second signal ends the program at once
	}()
	os.Exit(run(ctx, hostEnv(), os.Args[1:]))
}
