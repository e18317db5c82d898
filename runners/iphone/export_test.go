package iphone

import (
	"context"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
)

// InstallForTest installs a build as someone else would: the marker in the container stays as it is.
func (s *Session) InstallForTest(ctx context.Context, build harness.Build) error {
	return s.install(ctx, build, func(harness.Progress) {})
}

// FilesForTest is the app's container.
func (s *Session) FilesForTest(ctx context.Context, bundleID string) (*afc.Client, error) {
	return s.files(ctx, bundleID)
}
