package iphone

import (
	"context"

	"github.com/lilims/bench/harness"
)

// InstallForTest installs a build as someone else would: the marker in the container stays as it is.
func (s *Session) InstallForTest(ctx context.Context, build harness.Build) error {
	return s.install(ctx, build, func(harness.Progress) {})
}
