package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/lilims/bench/harness"
)

// repository is the git repository whose revisions are built.
type repository struct {
	env    Env
	folder string
}

// git runs git and returns what it printed.
func (r repository) git(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", r.folder}, args...)...)
	command.Env = r.env.Environ
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		said, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return "", harness.UsageError("bisect", "Name revisions of the repository, and its folder with --repository.", "git %s: %w: %s", args[0], err, said)
	}
	return strings.TrimSpace(out.String()), nil
}

// commit is one of its revisions.
type commit struct{ hash, subject string }

func (r commit) String() string {
	return r.hash[:min(len(r.hash), 10)] + " " + harness.PrintableLine(r.subject)
}

// named finds the commit of a name.
func (r repository) named(ctx context.Context, name string) (commit, error) {
	line, err := r.git(ctx, "log", "-1", "--format=%H %s", "--end-of-options", name, "--")
	hash, subject, _ := strings.Cut(line, " ")
	return commit{hash, subject}, err
}

// between are the commits after good up to bad, oldest first, along first parents: what main was at each time.
func (r repository) between(ctx context.Context, good, bad commit) ([]commit, error) {
	if _, err := r.git(ctx, "merge-base", "--is-ancestor", good.hash, bad.hash); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, harness.UsageError("bisect", "The good revision must lie in the history of the bad one.", "%s does not come before %s", good, bad)
	}
	text, err := r.git(ctx, "log", "--reverse", "--first-parent", "--format=%H %s", good.hash+".."+bad.hash)
	if err != nil {
		return nil, err
	}
	var out []commit
	for line := range strings.Lines(text) {
		hash, subject, _ := strings.Cut(strings.TrimSpace(line), " ")
		if hash != "" {
			out = append(out, commit{hash, subject})
		}
	}
	if len(out) == 0 {
		return nil, harness.UsageError("bisect", "Name two different revisions.", "no revision lies between %s and %s", good, bad)
	}
	return out, nil
}

// workshop builds revisions, each once: what was built lies in folder, by revision, arm and command.
type workshop struct {
	repository
	folder, command string
	suffix          string // of a build's name, by which tools know what it is
}

// build returns the build of a revision for an arm. The command runs in a work tree of its own, so that the user's stays
// as it is, and is told by BENCH_OUTPUT where the build has to lie.
func (w workshop) build(ctx context.Context, of commit, arm harness.Arm) (string, error) {
	identity := sha256.Sum256([]byte(w.command))
	path := filepath.Join(w.folder, fmt.Sprintf("%s-%s-%s%s", of.hash[:12], arm, hex.EncodeToString(identity[:4]), w.suffix))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(w.folder, 0o755); err != nil {
		return "", err
	}
	tree, err := os.MkdirTemp("", "bench-bisect-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tree)
	if _, err := w.git(ctx, "worktree", "add", "--detach", "--force", filepath.Join(tree, "tree"), of.hash); err != nil {
		return "", err
	}
	// Without the context: a work tree that nobody removes stays on git's list.
	defer w.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", filepath.Join(tree, "tree"))
	made := filepath.Join(tree, "build")
	if err := w.run(ctx, filepath.Join(tree, "tree"), made, of, arm); err != nil {
		return "", err
	}
	if _, err := os.Stat(made); err != nil {
		return "", errors.New("the command has left nothing at $BENCH_OUTPUT")
	}
	return path, moveFile(made, path)
}

// run runs the command. Its words go to standard error: they are the user's only hint when it fails.
func (w workshop) run(ctx context.Context, tree, made string, of commit, arm harness.Arm) error {
	absolute, err := filepath.Abs(made)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "sh", "-c", w.command)
	command.Dir, command.Stdout, command.Stderr = tree, w.env.Stderr, w.env.Stderr
	command.Env = append(append([]string{}, w.env.Environ...), "BENCH_OUTPUT="+absolute, "BENCH_REVISION="+of.hash, "BENCH_ARM="+string(arm))
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the build command failed: %w", err)
	}
	return nil
}

// moveFile moves a file to its place whole, also onto another disk.
func moveFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	part := to + ".part"
	if err := os.WriteFile(part, text, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(part, to)
}
