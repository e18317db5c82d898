package bisect

import (
	"bytes"
	"context"
	"os/exec"
	"strings"

	"github.com/lilims/bench/harness"
)

// Repository is the git repository whose revisions are searched.
type Repository struct {
	Folder  string
	Environ []string // of git and of the build command; nil: that of this process
}

// Revision is one commit.
type Revision struct {
	Hash    string
	Subject string
}

// String is the short hash and the subject, on one line.
func (r Revision) String() string {
	return r.Hash[:min(len(r.Hash), 10)] + " " + harness.PrintableLine(r.Subject)
}

// git runs git and returns what it printed.
func (r Repository) git(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", r.Folder}, args...)...)
	command.Env = r.Environ
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		said, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return "", harness.UsageError("bisect", "Name revisions of the repository, and its folder with --repository.", "git %s: %w: %s",
			args[0], err, said)
	}
	return strings.TrimSpace(out.String()), nil
}

// Named finds the revision that a name means. A name that git does not know is an error of kind usage.
func (r Repository) Named(ctx context.Context, name string) (Revision, error) {
	line, err := r.git(ctx, "log", "-1", "--format=%H %s", "--end-of-options", name, "--")
	hash, subject, _ := strings.Cut(line, " ")
	return Revision{hash, subject}, err
}

// Between returns the revisions after good up to bad, oldest first, along first parents: what the main branch was at each
// time. It is an error of kind usage when good does not lie in the history of bad.
func (r Repository) Between(ctx context.Context, good, bad Revision) ([]Revision, error) {
	if _, err := r.git(ctx, "merge-base", "--is-ancestor", good.Hash, bad.Hash); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, harness.UsageError("bisect", "The good revision must lie in the history of the bad one.", "%s does not come before %s",
			good, bad)
	}
	text, err := r.git(ctx, "log", "--reverse", "--first-parent", "--format=%H %s", good.Hash+".."+bad.Hash)
	if err != nil {
		return nil, err
	}
	var out []Revision
	for line := range strings.Lines(text) {
		hash, subject, _ := strings.Cut(strings.TrimSpace(line), " ")
		if hash != "" {
			out = append(out, Revision{hash, subject})
		}
	}
	if len(out) == 0 {
		return nil, harness.UsageError("bisect", "Name two different revisions.", "no revision lies between %s and %s", good, bad)
	}
	return out, nil
}
