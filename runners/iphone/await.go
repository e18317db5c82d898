package iphone

import (
	"context"
	"time"

	"github.com/lilims/bench/runners/iphone/internal/tether"
)

// retryPause is the pause between attempts to reach a phone or a usbmuxd that is on its way back.
const retryPause = 250 * time.Millisecond

// await waits until the phone is attached, at most for the timeout. It returns at once for one that is.
func (h *Handle) await(ctx context.Context, timeout time.Duration) error {
	expired := h.options.Clock.After(timeout)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	back := make(chan struct{}, 1)
	go h.watchReturn(ctx, back)
	select {
	case <-back:
		return nil
	case <-expired:
		return &errLost{after: timeout.String(), cause: tether.ErrAbsent}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// watchReturn listens at usbmuxd for the phone, through restarts of usbmuxd too.
func (h *Handle) watchReturn(ctx context.Context, back chan<- struct{}) {
	for ctx.Err() == nil {
		err := h.mux.Watch(ctx, func(e tether.Event) {
			if e.Attached && e.UDID == h.phone.UDID() {
				select {
				case back <- struct{}{}:
				default:
				}
			}
		})
		h.log.Debug("watching for the phone", "err", err)
		if h.options.Clock.Sleep(ctx, retryPause) != nil {
			return
		}
	}
}
