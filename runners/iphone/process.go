package iphone

import (
	"bytes"
	"context"
	"io"
	"path"
	"strings"
	"sync"

	"github.com/lilims/bench/runners/iphone/internal/coredevice"
)

// outputKept is how much of an app's last output is kept as evidence, in bytes.
const outputKept = 64 << 10

// output keeps the last of what an app prints, and tells when it ends. A nil output never ends.
type output struct {
	from  io.ReadCloser
	ended chan struct{} // closed at the end
	told  bool          // the end was taken notice of

	mu   sync.Mutex
	last []byte
}

func keepOutput(from io.ReadCloser) *output {
	o := &output{from: from, ended: make(chan struct{})}
	go o.read()
	return o
}

func (o *output) read() {
	defer close(o.ended)
	buffer := make([]byte, 16<<10)
	for {
		n, err := o.from.Read(buffer)
		o.mu.Lock()
		o.last = append(o.last, buffer[:n]...)
		o.last = bytes.Clone(o.last[max(0, len(o.last)-outputKept):])
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// done is closed when the output has ended, until seen is called.
func (o *output) done() <-chan struct{} {
	if o == nil || o.told {
		return nil
	}
	return o.ended
}

func (o *output) seen() { o.told = true }

func (o *output) close() {
	_ = o.from.Close()
	<-o.ended
}

func (o *output) text() string {
	if o == nil {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ReplaceAll(string(o.last), "\r\n", "\n")
}

// running is a process of the app.
type running struct {
	pid  int
	path string
}

// processes lists what runs on the phone.
func (h *Handle) processes(ctx context.Context) ([]running, error) {
	c, err := h.reach(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	var list []running
	if c.tunnel != nil {
		found, unlisted := coredevice.Processes(ctx, c.tunnel)
		for _, p := range found {
			list = append(list, running{p.PID, p.Path})
		}
		return list, unlisted
	}
	found, err := c.hub.Processes(ctx)
	for _, p := range found {
		list = append(list, running{p.PID, p.Path})
	}
	return list, err
}

// alive reports whether the app's process runs.
func (f *follow) alive(ctx context.Context) (bool, error) {
	list, err := f.handle.processes(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range list {
		if p.pid == f.pid {
			return true, nil
		}
	}
	return false, nil
}

// resume takes up a process that an earlier run of the harness had launched, and reports whether there is one. It must
// be the installed app's, and the one that the events name.
func (f *follow) resume(ctx context.Context) bool {
	installed, err := f.handle.lookUp(ctx, f.bundle)
	if err != nil || installed == nil {
		return false
	}
	list, err := f.handle.processes(ctx)
	if err != nil {
		f.handle.log.Warn("processes not readable", "err", err) // an app that cannot be seen cannot be followed
		return false
	}
	for _, p := range list {
		if !inBundle(p.path, installed.Path) || f.helloPID != 0 && p.pid != f.helloPID {
			continue
		}
		f.pid = p.pid
		c, err := f.handle.reach(ctx)
		return err == nil && c.hub.Observe(ctx, f.pid) == nil
	}
	return false
}

// inBundle reports whether an executable lies in an app's folder. Phones write /var and /private/var for the same.
func inBundle(executable, bundle string) bool {
	clean := func(p string) string { return strings.TrimPrefix(path.Clean("/"+p), "/private") }
	return bundle != "" && (clean(executable) == clean(bundle) || strings.HasPrefix(clean(executable), clean(bundle)+"/"))
}

// kill ends the app's process.
func (f *follow) kill(ctx context.Context) error {
	c, err := f.handle.reach(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if c.tunnel != nil {
		return coredevice.Kill(ctx, c.tunnel, f.pid)
	}
	return c.hub.Kill(ctx, f.pid)
}
