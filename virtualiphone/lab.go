package virtualiphone

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"github.com/lilims/bench/virtualiphone/internal/clock"
	"github.com/lilims/bench/virtualiphone/internal/mux"
	"github.com/lilims/bench/virtualiphone/internal/records"
)

// LabOptions are what a lab needs. Only Dir has no default.
type LabOptions struct {
	Dir   string       // the host's pair records, and the phones that are not given a folder of their own
	Seed  uint64       // determines UDIDs and the noise of the gauges
	Clock Clock        // nil: the host's
	Log   *slog.Logger // nil: discarded
}

// Lab is one usbmuxd with the phones behind it. It is safe for concurrent use.
type Lab struct {
	options LabOptions
	mux     *mux.Server
	records *records.Store
	ctx     context.Context
	cancel  context.CancelFunc
	serving sync.WaitGroup

	mu     sync.Mutex
	phones []*Phone
	closed bool
}

// NewLab returns a lab without phones.
func NewLab(o LabOptions) (*Lab, error) {
	if o.Dir == "" {
		return nil, &Error{Kind: KindUsage, Op: "open virtual lab", Err: errors.New("no folder"),
			Hint: "name a folder in which the phones are kept"}
	}
	if o.Clock == nil {
		o.Clock = clock.Wall{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil { // apps run in folders of their own
		return nil, &Error{Kind: KindStorage, Op: "open virtual lab", Err: err, Hint: "name the folder by its full path"}
	}
	store, err := records.Open(filepath.Join(o.Dir, "host"))
	if err != nil {
		return nil, &Error{Kind: KindStorage, Op: "open virtual lab", Err: err, Hint: "check that the folder can be written"}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Lab{options: o, mux: mux.NewServer(store, o.Log), records: store, ctx: ctx, cancel: cancel}, nil
}

// Serve answers hosts on listener until ctx ends or the lab is closed. Several listeners may be served at a time.
func (l *Lab) Serve(ctx context.Context, listener net.Listener) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.serving.Add(1)
	l.mu.Unlock()
	defer l.serving.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(l.ctx, cancel)
	defer stop()
	return l.mux.Serve(ctx, listener)
}

// AddPhone makes a phone, or continues the one in its folder, and plugs it in unless the options say not to.
func (l *Lab) AddPhone(profile Profile, o PhoneOptions) (*Phone, error) {
	l.mu.Lock()
	ordinal := len(l.phones)
	l.mu.Unlock()
	if o.UDID == "" {
		o.UDID = UDID(profile, l.options.Seed, ordinal)
	}
	if o.Dir == "" {
		o.Dir = filepath.Join(l.options.Dir, "phones", o.UDID)
	}
	if o.Name == "" {
		o.Name = profile.Marketing + " (virtual)"
		if ordinal > 0 {
			o.Name = fmt.Sprintf("%s (virtual %d)", profile.Marketing, ordinal+1)
		}
	}
	if _, taken := l.Phone(o.UDID); taken {
		return nil, &Error{Kind: KindUsage, Op: "add virtual iPhone", Phone: o.Name,
			Err: fmt.Errorf("there is a phone %s already", o.UDID), Hint: "give it another UDID, or none"}
	}
	phone, err := newPhone(l, profile, o, ordinal)
	if err != nil {
		return nil, &Error{Kind: KindInternal, Op: "make virtual iPhone", Phone: o.Name, Err: err}
	}
	l.mu.Lock()
	l.phones = append(l.phones, phone)
	l.mu.Unlock()
	if o.Detached {
		return phone, nil
	}
	return phone, phone.Attach()
}

// Phones returns the phones in the order in which they were added.
func (l *Lab) Phones() []*Phone {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Phone(nil), l.phones...)
}

// Phone returns the phone with that UDID.
func (l *Lab) Phone(udid string) (*Phone, bool) {
	for _, p := range l.Phones() {
		if p.options.UDID == udid {
			return p, true
		}
	}
	return nil, false
}

// Close unplugs the phones, ends their apps and stops serving. It waits for all of it.
func (l *Lab) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	var failed error
	for _, p := range l.Phones() {
		failed = errors.Join(failed, p.close())
	}
	l.cancel()
	l.serving.Wait()
	return failed
}

// UDID is the identifier of a lab's ordinal-th phone: the chip's id and 64 bits that depend on seed and ordinal alone.
func UDID(profile Profile, seed uint64, ordinal int) string {
	return fmt.Sprintf("%08X-%016X", profile.ChipID, ecid(profile, seed, ordinal))
}

// ecid is the chip's unique number; real ones leave the upper bits empty.
func ecid(profile Profile, seed uint64, ordinal int) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", profile.ProductType, seed, ordinal))
	return binary.BigEndian.Uint64(sum[:]) >> 11
}
