package iphone

import (
	"context"
	"path"

	"github.com/lilims/bench/runners/iphone/internal/afc"
)

// Sweep removes the folders of launches that recorded says are safe with the host, and returns their run and session.
// The app and its models stay.
func (h *Handle) Sweep(ctx context.Context, bundleID string, recorded func(run, session string) bool) ([]string, error) {
	var removed []string
	err := h.withFiles(ctx, bundleID, func(c *afc.Client) error {
		removed = nil
		runs, err := list(ctx, c, sessionsFolder)
		if err != nil {
			return err
		}
		for _, run := range runs {
			sessions, err := list(ctx, c, path.Join(sessionsFolder, run))
			if err != nil {
				return err
			}
			left := len(sessions)
			for _, session := range sessions {
				if !recorded(run, session) {
					continue
				}
				if err := c.RemoveAll(ctx, path.Join(sessionsFolder, run, session)); err != nil {
					return err
				}
				removed = append(removed, run+"/"+session)
				left--
			}
			if left == 0 {
				if err := c.RemoveAll(ctx, path.Join(sessionsFolder, run)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return removed, h.fail("remove old sessions", err)
}

// list names what is in a folder; one that is not there is empty.
func list(ctx context.Context, c *afc.Client, dir string) ([]string, error) {
	names, err := c.List(ctx, dir)
	if afc.IsNotFound(err) {
		return nil, nil
	}
	return names, err
}
