package iphone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
)

const (
	// spareBytes is what must stay free on a phone besides the model: iOS begins to delete caches below it.
	spareBytes = 64 << 20
	// pushTimeout is how long a phone that vanished while a model was copied is waited for, and pushBreaks how often.
	pushTimeout = time.Minute
	pushBreaks  = 5
)

// modelHash guards the folder's name: it is part of a path on the phone.
var modelHash = regexp.MustCompile(`^[0-9A-Za-z]{4,128}$`)

// file is one file of a model, with its name inside the model's folder.
type file struct {
	Name string `json:"path"`
	Size int64  `json:"size"`
}

// modelFiles lists the model's folder.
func modelFiles(folder string) (files []file, total int64, err error) {
	err = filepath.WalkDir(folder, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(p) // a link counts as what it leads to
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no file", p)
		}
		name, err := filepath.Rel(folder, p)
		if err != nil {
			return err
		}
		files = append(files, file{filepath.ToSlash(name), info.Size()})
		total += info.Size()
		return nil
	})
	return files, total, err
}

// ensureModel copies the model unless the phone has it. It reports whether it did and how many bytes went.
func (h *Handle) ensureModel(ctx context.Context, build harness.Build, model harness.Model, progress func(harness.Progress)) (
	bool, int64, error,
) {
	unusable := func(err error, hint string) (bool, int64, error) {
		return false, 0, &harness.Error{Kind: harness.KindModel, Op: "read model " + model.Path, Device: label(h.device), Err: err, Hint: hint}
	}
	if !modelHash.MatchString(model.Hash) {
		return unusable(fmt.Errorf("its hash is %q", model.Hash), "Convert the model again.")
	}
	files, total, err := modelFiles(model.Path)
	if err != nil {
		return unusable(err, "Check the model's folder, and convert it again if it is damaged.")
	}
	if len(files) == 0 {
		return unusable(errors.New("the folder is empty"), "Convert the model again.")
	}
	p := &push{
		handle: h, bundleID: build.BundleID, from: model.Path, to: modelsFolder + "/" + model.Hash, files: files, total: total,
		progress: progress,
	}
	there, err := p.complete(ctx)
	if err != nil || there {
		return false, 0, err
	}
	h.log.Info("copying model", "model", model.Name, "bytes", total)
	for breaks := 0; ; breaks++ {
		err := p.run(ctx)
		if !lost(err) || ctx.Err() != nil || breaks == pushBreaks {
			if err == nil {
				err = h.withFiles(ctx, build.BundleID, func(c *afc.Client) error { return c.RemoveAll(ctx, launchMark(build, model)) })
			}
			return true, p.sent, err
		}
		h.dropFiles()
		h.log.Warn("copying was interrupted", "err", err, "bytes", p.sent)
		if err := h.await(ctx, pushTimeout); err != nil {
			return true, p.sent, err
		}
	}
}

// push copies one model. run may be called again after a break: it goes on where the phone's files end.
type push struct {
	handle   *Handle
	bundleID string
	from, to string
	files    []file
	total    int64
	done     int64 // bytes known to be on the phone
	sent     int64 // bytes that went over the cable
	progress func(harness.Progress)
}

// complete reports whether the phone has the model whole: the marker is written after everything was verified.
func (p *push) complete(ctx context.Context) (there bool, err error) {
	err = p.handle.withFiles(ctx, p.bundleID, func(c *afc.Client) error {
		text, readErr := c.ReadFile(ctx, p.to+"/.complete", 16<<20)
		if afc.IsNotFound(readErr) {
			return nil
		}
		if readErr != nil {
			return readErr
		}
		var listed []file
		there = json.Unmarshal(text, &listed) == nil && same(listed, p.files)
		return nil
	})
	return there, err
}

func same(a, b []file) bool {
	if len(a) != len(b) {
		return false
	}
	sizes := map[string]int64{}
	for _, f := range a {
		sizes[f.Name] = f.Size
	}
	for _, f := range b {
		if size, ok := sizes[f.Name]; !ok || size != f.Size {
			return false
		}
	}
	return true
}

func (p *push) run(ctx context.Context) error {
	c, err := p.handle.files(ctx, p.bundleID)
	if err != nil {
		return err
	}
	have, err := p.present(ctx, c)
	if err != nil {
		return err
	}
	if err = p.room(ctx, c); err != nil {
		return err
	}
	for i, f := range p.files {
		if err = p.send(ctx, c, f, have[i]); err != nil {
			return p.noRoom(err)
		}
	}
	for _, f := range p.files {
		p.progress(harness.Progress{Step: "verifying model", Done: p.done, Total: p.total})
		if err = p.verify(ctx, c, f); err != nil {
			return err
		}
	}
	text, err := json.Marshal(p.files)
	if err != nil {
		return err
	}
	return c.WriteFile(ctx, p.to+"/.complete", text)
}

// present makes the folders and asks how much of each file is there.
func (p *push) present(ctx context.Context, c *afc.Client) ([]int64, error) {
	have := make([]int64, len(p.files))
	made := map[string]bool{}
	p.done = 0
	for i, f := range p.files {
		target := path.Join(p.to, f.Name)
		if dir := path.Dir(target); !made[dir] {
			if err := c.MkdirAll(ctx, dir); err != nil {
				return nil, err
			}
			made[dir] = true
		}
		info, err := c.Stat(ctx, target)
		switch {
		case afc.IsNotFound(err):
		case err != nil:
			return nil, err
		case info.Size <= f.Size: // writes go out in order, so that what is there is the file's beginning
			have[i] = info.Size
		}
		p.done += have[i]
	}
	return have, nil
}

// room checks the phone's free space before anything is written.
func (p *push) room(ctx context.Context, c *afc.Client) error {
	space, err := c.Space(ctx)
	if err != nil {
		return err
	}
	if need := p.total - p.done + spareBytes; space.Free < need {
		return p.full(fmt.Errorf("%.1f MB are free, %.1f MB are needed", float64(space.Free)/1e6, float64(need)/1e6))
	}
	return nil
}

func (p *push) full(err error) error {
	return &harness.Error{
		Kind: harness.KindStorage, Op: "copy model", Device: label(p.handle.device), Err: err,
		Hint: "Free space on the phone: remove old models and apps.",
	}
}

// noRoom says which error a phone gives whose disk filled up meanwhile.
func (p *push) noRoom(err error) error {
	if errors.Is(err, afc.StatusNoSpace) {
		p.handle.dropFiles() // answers to what was on its way may still come
		return p.full(err)
	}
	return err
}

func (p *push) send(ctx context.Context, c *afc.Client, f file, have int64) error {
	target := path.Join(p.to, f.Name)
	if have == f.Size && f.Size > 0 {
		return nil
	}
	local, err := os.Open(filepath.Join(p.from, filepath.FromSlash(f.Name)))
	if err != nil {
		return &afc.SourceError{Err: err}
	}
	defer local.Close()
	mode := afc.Replace
	if have > 0 {
		mode = afc.Update
	}
	remote, err := c.Open(ctx, target, mode)
	if err != nil {
		return err
	}
	if have > 0 {
		if err := remote.Seek(ctx, have); err != nil {
			return err
		}
	}
	at := have
	if err := remote.Upload(ctx, local, have, f.Size, func(n int64) {
		p.done, p.sent, at = p.done+n-at, p.sent+n-at, n
		p.progress(harness.Progress{Step: "copying model", Done: p.done, Total: p.total})
	}); err != nil {
		return err
	}
	return remote.Close(ctx)
}
