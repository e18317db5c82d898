package bisect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/lilims/bench/harness"
)

// Builder builds revisions, each once: the builds are kept in Folder, by revision, arm and command.
type Builder struct {
	Repository Repository
	Folder     string
	Command    string    // for the shell
	Suffix     string    // of a build's file name, by which other tools know what it is: ".ipa"
	Output     io.Writer // gets what the command prints: the only hint when it fails
}

// Build returns the path of a revision's build for an arm. The command runs in a work tree of its own, so that the
// user's stays as it is. Its environment says where to put the build (BENCH_OUTPUT), of which revision (BENCH_REVISION)
// and for which arm (BENCH_ARM).
func (b Builder) Build(ctx context.Context, of Revision, arm harness.Arm) (string, error) {
	identity := sha256.Sum256([]byte(b.Command))
	path := filepath.Join(b.Folder, fmt.Sprintf("%s-%s-%s%s", of.Hash[:12], arm, hex.EncodeToString(identity[:4]), b.Suffix))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(b.Folder, 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "bench-bisect-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	tree := filepath.Join(scratch, "tree")
	if _, err := b.Repository.git(ctx, "worktree", "add", "--detach", "--force", tree, of.Hash); err != nil {
		return "", err
	}
	// Without the context: a work tree that nobody removes stays on git's list.
	defer func() { _, _ = b.Repository.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", tree) }()
	made := filepath.Join(scratch, "build")
	if err := b.run(ctx, tree, made, of, arm); err != nil {
		return "", err
	}
	if _, err := os.Stat(made); err != nil {
		return "", errors.New("the command wrote nothing to $BENCH_OUTPUT")
	}
	return path, keep(made, path)
}

// run runs the command in a work tree.
func (b Builder) run(ctx context.Context, tree, made string, of Revision, arm harness.Arm) error {
	absolute, err := filepath.Abs(made)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "sh", "-c", b.Command)
	command.Dir, command.Stdout, command.Stderr = tree, b.Output, b.Output
	command.Env = append(append([]string{}, b.Repository.environ()...), "BENCH_OUTPUT="+absolute, "BENCH_REVISION="+of.Hash,
		"BENCH_ARM="+string(arm))
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the build command failed: %w", err)
	}
	return nil
}

func (r Repository) environ() []string {
	if r.Environ == nil {
		return os.Environ()
	}
	return r.Environ
}

// keep copies a build to its place, whole or not at all: the scratch folder may be on another disk.
func keep(made, path string) error {
	from, err := os.Open(made)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := renameio.NewPendingFile(path, renameio.WithPermissions(info.Mode().Perm()))
	if err != nil {
		return err
	}
	defer func() { _ = to.Cleanup() }()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.CloseAtomicallyReplace()
}
