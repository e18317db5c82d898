package tether

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	"howett.net/plist"

	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/plistio"
)

// exchange sends one message to usbmuxd and decodes its answer.
func exchange(c *ios.UsbMuxConnection, request, answer any) error {
	if err := c.Send(request); err != nil {
		return err
	}
	message, err := c.ReadMessage()
	if err != nil {
		return err
	}
	_, err = plist.Unmarshal(message.Payload, answer)
	return err
}

// pairRecord is what usbmuxd keeps of a pairing, by Apple's names.
type pairRecord struct {
	DeviceCertificate, HostCertificate, HostPrivateKey []byte
	RootCertificate, RootPrivateKey, EscrowBag         []byte
	WiFiMACAddress, HostID, SystemBUID                 string
}

// Pair makes the phone trust this host and stores the record with usbmuxd. A phone asks its user first: until they have
// tapped Trust the answer is a LockdownError with the reason PairingDialogResponsePending, and Pair is called again. now is when
// the certificates become valid.
func (p *Phone) Pair(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 2*requestLimit)
	defer cancel()
	entry, err := p.mux.Find(ctx, p.udid)
	if err != nil {
		return err
	}
	var buid string
	err = p.mux.ask(ctx, func(c *ios.UsbMuxConnection) (err error) { buid, err = c.ReadBuid(); return err })
	if err != nil {
		return fmt.Errorf("read host identity: %w", err)
	}
	conn, err := p.mux.connect(ctx, entry.ID, lockdownPort)
	if err != nil {
		return err
	}
	defer conn.Close()
	l := &Lockdown{conn, entry.ID}
	record, err := l.pair(ctx, buid, now)
	if err != nil {
		return err
	}
	if err := p.savePairRecord(ctx, record); err != nil {
		return err
	}
	p.forgetRecord()
	return nil
}

// pair has the phone sign on to a fresh identity of this host.
func (l *Lockdown) pair(ctx context.Context, buid string, now time.Time) (pairRecord, error) {
	key, err := l.Value(ctx, "", "DevicePublicKey")
	if err != nil {
		return pairRecord{}, err
	}
	wifi, err := l.Value(ctx, "", "WiFiAddress")
	if err != nil {
		return pairRecord{}, err
	}
	publicKey, ok := key.([]byte)
	if !ok {
		return pairRecord{}, errors.New("pair: the phone names no public key")
	}
	record, err := newIdentity(publicKey, now)
	if err != nil {
		return pairRecord{}, fmt.Errorf("pair: %w", err)
	}
	record.SystemBUID = buid
	record.WiFiMACAddress, _ = wifi.(string)
	request := map[string]any{
		"Label": label, "ProtocolVersion": "2", "Request": "Pair",
		"PairRecord": map[string]any{
			"DeviceCertificate": record.DeviceCertificate, "HostCertificate": record.HostCertificate, "RootCertificate": record.RootCertificate,
			"HostID": record.HostID, "SystemBUID": record.SystemBUID,
		},
		"PairingOptions": map[string]any{"ExtendedPairingErrors": true},
	}
	var answer struct {
		Error     string
		EscrowBag []byte
	}
	if err := guard.Do(ctx, l.conn, func() error { return plistio.Ask(l.conn, request, &answer) }); err != nil {
		return pairRecord{}, fmt.Errorf("pair: %w", err)
	}
	if answer.Error != "" {
		return pairRecord{}, &LockdownError{"Pair", answer.Error}
	}
	record.EscrowBag = answer.EscrowBag
	return record, nil
}

func (p *Phone) savePairRecord(ctx context.Context, record pairRecord) error {
	text, err := plist.Marshal(record, plist.XMLFormat)
	if err != nil {
		return fmt.Errorf("save pair record: %w", err)
	}
	var answer struct{ Number uint64 }
	err = p.mux.ask(ctx, func(c *ios.UsbMuxConnection) error {
		return exchange(c, ios.SavePair{
			BundleID: label, ClientVersionString: label, MessageType: "SavePairRecord", ProgName: label, LibUSBMuxVersion: 3, PairRecordID: p.udid,
			PairRecordData: text,
		}, &answer)
	})
	if err == nil && answer.Number != 0 {
		err = fmt.Errorf("usbmuxd answered %d", answer.Number)
	}
	if err != nil {
		return fmt.Errorf("save pair record: %w", err)
	}
	return nil
}

// newIdentity makes a root, a host certificate under it, and one under it for the phone's own key.
func newIdentity(devicePublicKey []byte, now time.Time) (pairRecord, error) {
	block, _ := pem.Decode(devicePublicKey)
	if block == nil {
		return pairRecord{}, errors.New("the phone's public key is not PEM")
	}
	deviceKey, err := x509.ParsePKCS1PublicKey(block.Bytes)
	if err != nil {
		return pairRecord{}, fmt.Errorf("the phone's public key: %w", err)
	}
	root, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pairRecord{}, err
	}
	host, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return pairRecord{}, err
	}
	issuer := certificate(now, true)
	record := pairRecord{RootPrivateKey: pemKey(root), HostPrivateKey: pemKey(host), HostID: strings.ToUpper(newUUID())}
	for _, c := range []struct {
		into     *[]byte
		template *x509.Certificate
		key      *rsa.PublicKey
	}{
		{&record.RootCertificate, issuer, &root.PublicKey},
		{&record.HostCertificate, certificate(now, false), &host.PublicKey},
		{&record.DeviceCertificate, certificate(now, false), deviceKey},
	} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, issuer, c.key, root)
		if err != nil {
			return pairRecord{}, err
		}
		*c.into = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return record, nil
}

// certificate is as lockdownd accepts it: no names, ten years.
func certificate(now time.Time, authority bool) *x509.Certificate {
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	if authority {
		usage = x509.KeyUsageCertSign
	}
	return &x509.Certificate{
		SerialNumber: big.NewInt(0), Subject: pkix.Name{}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		BasicConstraintsValid: true, IsCA: authority, KeyUsage: usage, SignatureAlgorithm: x509.SHA256WithRSA,
	}
}

func pemKey(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// newUUID is a random (version 4) identifier.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
