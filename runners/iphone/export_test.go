package iphone

import (
	"context"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
)

// InstallForTest installs a build as someone else would: the marker in the container stays as it is.
func (h *Handle) InstallForTest(ctx context.Context, build harness.Build) error {
	return h.install(ctx, build, func(harness.Progress) {})
}

// FilesForTest is the app's container.
func (h *Handle) FilesForTest(ctx context.Context, bundleID string) (*afc.Client, error) {
	return h.files(ctx, bundleID)
}
