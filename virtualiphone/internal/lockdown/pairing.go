package lockdown

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// maxPairings bounds the hosts that a phone remembers.
const maxPairings = 64

// Pairing is what the phone keeps of a host that it trusts. Certificates are PEM, as the host sent them.
type Pairing struct {
	HostID            string `plist:"HostID"`
	SystemBUID        string `plist:"SystemBUID"`
	HostCertificate   []byte `plist:"HostCertificate"`
	RootCertificate   []byte `plist:"RootCertificate"`
	DeviceCertificate []byte `plist:"DeviceCertificate"`
	EscrowBag         []byte `plist:"EscrowBag"`
}

// pairingOf reads a host's pair record and checks that its device certificate is of this phone.
func (id *Identity) pairingOf(record plistio.Dict) (Pairing, error) {
	p := Pairing{
		HostID:            record.String("HostID"),
		SystemBUID:        record.String("SystemBUID"),
		HostCertificate:   record.Bytes("HostCertificate"),
		RootCertificate:   record.Bytes("RootCertificate"),
		DeviceCertificate: record.Bytes("DeviceCertificate"),
	}
	if p.HostID == "" {
		return p, errors.New("pair record without HostID")
	}
	if _, err := id.serverTLS(p); err != nil {
		return p, err
	}
	der, _ := certificate(p.DeviceCertificate)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return p, fmt.Errorf("device certificate: %w", err)
	}
	if public, ok := cert.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(&id.key.PublicKey) {
		return p, errors.New("device certificate is not of this phone's key")
	}
	p.EscrowBag = make([]byte, 32)
	_, err = rand.Read(p.EscrowBag)
	return p, err
}

// pairings are the hosts that the phone trusts, one file each, so that trust outlives the program.
type pairings struct {
	dir string
	mu  sync.Mutex
}

func (s *pairings) path(hostID string) string {
	sum := sha256.Sum256([]byte(hostID)) // a host chooses its id freely; it must not choose a path
	return filepath.Join(s.dir, hex.EncodeToString(sum[:12])+".plist")
}

func (s *pairings) find(hostID string) (Pairing, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, err := os.ReadFile(s.path(hostID))
	if err != nil {
		return Pairing{}, false
	}
	record, err := plistio.Decode(text)
	if err != nil || record.String("HostID") != hostID {
		return Pairing{}, false
	}
	return Pairing{
		HostID:            hostID,
		SystemBUID:        record.String("SystemBUID"),
		HostCertificate:   record.Bytes("HostCertificate"),
		RootCertificate:   record.Bytes("RootCertificate"),
		DeviceCertificate: record.Bytes("DeviceCertificate"),
		EscrowBag:         record.Bytes("EscrowBag"),
	}, true
}

func (s *pairings) save(p Pairing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	if _, unknown := os.Stat(s.path(p.HostID)); unknown != nil && len(entries) >= maxPairings {
		return fmt.Errorf("the phone already trusts %d hosts", len(entries))
	}
	text, err := plistio.Encode(p)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path(p.HostID), text, 0o600)
}

func (s *pairings) remove(hostID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return os.Remove(s.path(hostID))
}

func (s *pairings) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(s.dir, e.Name())))
	}
	return err
}
