package tether

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/danielpaulus/go-ios/ios"

	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

// lockdownPort is lockdownd's port on the phone.
const lockdownPort = 62078

// label names us to lockdownd; it appears in the phone's log.
const label = "org.lilims.bench"

// Phone is one phone behind a Mux, known by its UDID. It survives a replug: the ID is asked for when it is needed.
// It is safe for concurrent use.
type Phone struct {
	mux  *Mux
	udid string

	mu     sync.Mutex
	record *ios.PairRecord // read once; a phone that is paired anew invalidates it
}

// Phone returns the phone with that UDID, attached or not.
func (m *Mux) Phone(udid string) *Phone { return &Phone{mux: m, udid: udid} }

// UDID names the phone.
func (p *Phone) UDID() string { return p.udid }

// Mux returns the usbmuxd that the phone is behind.
func (p *Phone) Mux() *Mux { return p.mux }

// Lockdown is an open session with lockdownd. One goroutine uses it.
type Lockdown struct {
	conn net.Conn
	id   int // usbmuxd's ID of the phone at the time of connecting
}

// Lockdown starts a session with lockdownd.
func (p *Phone) Lockdown(ctx context.Context) (*Lockdown, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	entry, err := p.mux.Find(ctx, p.udid)
	if err != nil {
		return nil, err
	}
	record, err := p.pairRecord(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := p.mux.connect(ctx, entry.ID, lockdownPort)
	if err != nil {
		return nil, err
	}
	l := &Lockdown{conn, entry.ID}
	if err := guard.Do(ctx, conn, func() error { return l.startSession(ctx, record) }); err != nil {
		conn.Close()
		var refused *LockdownError
		if errors.As(err, &refused) && refused.Reason == "InvalidHostID" { // paired anew since, or unpaired on the phone
			p.forgetRecord()
			return nil, fmt.Errorf("%w (%w)", ErrNotPaired, err)
		}
		return nil, err
	}
	return l, nil
}

// pairRecord reads the record from usbmuxd once.
func (p *Phone) pairRecord(ctx context.Context) (ios.PairRecord, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.record != nil {
		return *p.record, nil
	}
	var answer struct {
		PairRecordData []byte
		Number         uint64
	}
	err := p.mux.ask(ctx, func(c *ios.UsbMuxConnection) error {
		return exchange(c, ios.ReadPair{
			BundleID: label, ClientVersionString: label, MessageType: "ReadPairRecord", ProgName: label, LibUSBMuxVersion: 3, PairRecordID: p.udid,
		}, &answer)
	})
	if err != nil {
		return ios.PairRecord{}, fmt.Errorf("read pair record: %w", err)
	}
	if len(answer.PairRecordData) == 0 {
		return ios.PairRecord{}, ErrNotPaired
	}
	var record ios.PairRecord
	if err := guard.Recover(func() error { record = ios.PairRecordfromBytes(answer.PairRecordData); return nil }); err != nil {
		return ios.PairRecord{}, fmt.Errorf("read pair record: %w", err)
	}
	p.record = &record
	return record, nil
}

func (p *Phone) forgetRecord() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record = nil
}

func (l *Lockdown) startSession(ctx context.Context, record ios.PairRecord) error {
	var started struct {
		EnableSessionSSL bool
		Error            string
	}
	request := map[string]any{
		"Label": label, "ProtocolVersion": "2", "Request": "StartSession", "HostID": record.HostID, "SystemBUID": record.SystemBUID,
	}
	if err := plistio.Ask(l.conn, request, &started); err != nil {
		return fmt.Errorf("start lockdown session: %w", err)
	}
	if started.Error != "" {
		return &LockdownError{"StartSession", started.Error}
	}
	if !started.EnableSessionSSL {
		return nil
	}
	encrypted, err := encrypt(ctx, l.conn, record)
	if err != nil {
		return fmt.Errorf("start lockdown session: %w", err)
	}
	l.conn = encrypted
	return nil
}

// encrypt makes a TLS connection with the pair record's identity. The phone proves itself by nothing else than having
// the cable in it: its certificate is one that this host signed for the key the phone named, and some versions of iOS
// present others, so that it is not checked.
func encrypt(ctx context.Context, conn net.Conn, record ios.PairRecord) (net.Conn, error) {
	identity, err := tls.X509KeyPair(record.HostCertificate, record.HostPrivateKey)
	if err != nil {
		return nil, fmt.Errorf("identity in the pair record: %w", err)
	}
	encrypted := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{identity}})
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS with the phone: %w", err)
	}
	return encrypted, nil
}

// Close ends the session.
func (l *Lockdown) Close() error { return l.conn.Close() }

// Value asks for one value, or with an empty key for all of a domain. A value that the phone does not have is nil.
func (l *Lockdown) Value(ctx context.Context, domain, key string) (any, error) {
	request := map[string]any{"Label": label, "Request": "GetValue"}
	if domain != "" {
		request["Domain"] = domain
	}
	if key != "" {
		request["Key"] = key
	}
	var answer struct {
		Value any
		Error string
	}
	if err := l.ask(ctx, request, &answer); err != nil {
		return nil, fmt.Errorf("ask lockdown for %s %s: %w", domain, key, err)
	}
	switch answer.Error {
	case "", "MissingValue", "GetProhibited":
		return answer.Value, nil
	}
	return nil, &LockdownError{"GetValue " + domain + " " + key, answer.Error}
}

// Values asks for all values of a domain; "" is the phone's own. It is empty for a domain that the phone lacks.
func (l *Lockdown) Values(ctx context.Context, domain string) (map[string]any, error) {
	v, err := l.Value(ctx, domain, "")
	if err != nil {
		return nil, err
	}
	values, _ := v.(map[string]any)
	return values, nil
}

func (l *Lockdown) ask(ctx context.Context, request, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	return guard.Do(ctx, l.conn, func() error { return plistio.Ask(l.conn, request, answer) })
}

// start asks lockdownd to start a service and returns its port.
func (l *Lockdown) start(ctx context.Context, service string) (port uint16, encrypted bool, err error) {
	var answer struct {
		Port             uint16
		EnableServiceSSL bool
		Error            string
	}
	request := map[string]any{"Label": label, "Request": "StartService", "Service": service}
	if err := l.ask(ctx, request, &answer); err != nil {
		return 0, false, fmt.Errorf("start service %s: %w", service, err)
	}
	if answer.Error != "" {
		return 0, false, &LockdownError{"StartService " + service, answer.Error}
	}
	if answer.Port == 0 {
		return 0, false, &LockdownError{"StartService " + service, "no port given"}
	}
	return answer.Port, answer.EnableServiceSSL, nil
}

// Service connects to a lockdown service, encrypted where the phone wants that.
func (p *Phone) Service(ctx context.Context, name string) (net.Conn, error) {
	l, err := p.Lockdown(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	port, ssl, err := l.start(ctx, name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	conn, err := p.mux.connect(ctx, l.id, port)
	if err != nil || !ssl {
		return conn, err
	}
	record, err := p.pairRecord(ctx)
	if err != nil {
		conn.Close()
		return nil, err
	}
	encrypted, err := encrypt(ctx, conn, record)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("service %s: %w", name, err)
	}
	return encrypted, nil
}

// Greet opens a connection to lockdownd without a session, over which a phone tells a stranger its name and model.
func (p *Phone) Greet(ctx context.Context) (*Lockdown, error) {
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	entry, err := p.mux.Find(ctx, p.udid)
	if err != nil {
		return nil, err
	}
	conn, err := p.mux.connect(ctx, entry.ID, lockdownPort)
	if err != nil {
		return nil, err
	}
	return &Lockdown{conn, entry.ID}, nil
}
