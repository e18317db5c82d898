// Package records is what usbmuxd keeps on the host: one pair record a phone, and the host's own identifier. It also
// makes such records, as a usbmuxd does when it pairs with a phone that is plugged in. In come a phone's public key,
// out goes a record in the form that every client reads. It never talks to a phone.
package records

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
	"github.com/lilims/bench/virtualiphone/internal/uuid"
)

// Store keeps pair records in a folder. It is safe for concurrent use.
type Store struct {
	dir  string
	buid string

	mu   sync.Mutex
	host *host // made when it is first needed: two RSA keys take a while
}

// Open reads or makes the store in dir.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pair records: %w", err)
	}
	path := filepath.Join(dir, "SystemConfiguration.plist")
	if text, err := os.ReadFile(path); err == nil {
		if config, err := plistio.Decode(text); err == nil && config.String("SystemBUID") != "" {
			return &Store{dir: dir, buid: config.String("SystemBUID")}, nil
		}
	}
	buid := uuid.New()
	text, err := plistio.Encode(map[string]any{"SystemBUID": buid})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, fmt.Errorf("pair records: %w", err)
	}
	return &Store{dir: dir, buid: buid}, nil
}

// BUID is the host's own identifier.
func (s *Store) BUID() string { return s.buid }

// validUDID is what a client may name a record by; anything else could leave the folder.
var validUDID = regexp.MustCompile(`^[0-9A-Za-z-]{8,64}$`)

func (s *Store) path(udid string) (string, error) {
	if !validUDID.MatchString(udid) {
		return "", fmt.Errorf("pair record of %q: not a UDID", udid)
	}
	return filepath.Join(s.dir, udid+".plist"), nil
}

// ReadRecord returns the record of a phone, if there is one.
func (s *Store) ReadRecord(udid string) ([]byte, bool) {
	path, err := s.path(udid)
	if err != nil {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := os.ReadFile(path)
	return record, err == nil
}

// SaveRecord keeps a record that a client made.
func (s *Store) SaveRecord(udid string, record []byte) error {
	path, err := s.path(udid)
	if err != nil {
		return err
	}
	if _, err := plistio.Decode(record); err != nil {
		return fmt.Errorf("pair record of %s: %w", udid, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return os.WriteFile(path, record, 0o600)
}

// DeleteRecord forgets a phone. Forgetting an unknown one is no error.
func (s *Store) DeleteRecord(udid string) error {
	path, err := s.path(udid)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// host is the identity with which this usbmuxd pairs: a root key that signs, and a host key that talks.
type host struct {
	root, talk       *rsa.PrivateKey
	rootCert         *x509.Certificate
	rootPEM, talkPEM []byte
}

// Make returns a pair record for a phone with that public key (PKCS#1 in PEM).
func (s *Store) Make(udid string, devicePublic []byte, wifiAddress string) (map[string]any, error) {
	block, _ := pem.Decode(devicePublic)
	if block == nil {
		return nil, errors.New("make pair record: the phone's public key is not in PEM")
	}
	public, err := x509.ParsePKCS1PublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("make pair record: %w", err)
	}
	h, err := s.identity()
	if err != nil {
		return nil, fmt.Errorf("make pair record: %w", err)
	}
	device, err := sign(public, h.rootCert, h.root, false)
	if err != nil {
		return nil, fmt.Errorf("make pair record: %w", err)
	}
	return map[string]any{
		"HostID":            uuid.New(),
		"SystemBUID":        s.buid,
		"UDID":              udid,
		"WiFiMACAddress":    wifiAddress,
		"DeviceCertificate": device,
		"HostCertificate":   h.talkPEM,
		"HostPrivateKey":    keyPEM(h.talk),
		"RootCertificate":   h.rootPEM,
		"RootPrivateKey":    keyPEM(h.root),
	}, nil
}

func (s *Store) identity() (*host, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host != nil {
		return s.host, nil
	}
	root, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	talk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	h := &host{root: root, talk: talk}
	if h.rootPEM, err = sign(&root.PublicKey, nil, root, true); err != nil {
		return nil, err
	}
	block, _ := pem.Decode(h.rootPEM)
	if h.rootCert, err = x509.ParseCertificate(block.Bytes); err != nil {
		return nil, err
	}
	if h.talkPEM, err = sign(&talk.PublicKey, h.rootCert, root, false); err != nil {
		return nil, err
	}
	s.host = h
	return h, nil
}

// sign makes a certificate for public, by parent, or by itself if parent is nil. Apple's tools leave the names empty.
func sign(public *rsa.PublicKey, parent *x509.Certificate, by *rsa.PrivateKey, authority bool) ([]byte, error) {
	id := sha1.Sum(x509.MarshalPKCS1PublicKey(public)) // RFC 5280 4.2.1.2; not a secret
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		BasicConstraintsValid: true,
		IsCA:                  authority,
		SubjectKeyId:          id[:],
	}
	if !authority {
		template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, by)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func keyPEM(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}
