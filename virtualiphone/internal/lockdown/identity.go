package lockdown

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Identity is the phone's key pair, made once and kept. Hosts sign its public half into a certificate when they pair.
type Identity struct {
	key       *rsa.PrivateKey
	publicPEM []byte
}

// LoadIdentity reads the key below dir, making it at the first call.
func LoadIdentity(dir string) (*Identity, error) {
	path := filepath.Join(dir, "identity.pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeIdentity(path)
	}
	if err != nil {
		return nil, fmt.Errorf("phone identity: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("phone identity: %s holds no key", path)
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("phone identity: %s: %w", path, err)
	}
	return newIdentity(key), nil
}

func makeIdentity(path string) (*Identity, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("phone identity: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, fmt.Errorf("phone identity: %w", err)
	}
	return newIdentity(key), nil
}

func newIdentity(key *rsa.PrivateKey) *Identity {
	public := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)})
	return &Identity{key: key, publicPEM: public}
}

// PublicPEM is the public key as lockdown gives it: PKCS#1 in PEM.
func (id *Identity) PublicPEM() []byte { return id.publicPEM }

// serverTLS is the phone's side of a connection to the host of a pairing. TLS 1.2 without tickets: services that turn
// to plain text after the handshake would otherwise read a ticket as their first bytes.
func (id *Identity) serverTLS(p Pairing) (*tls.Config, error) {
	device, err := certificate(p.DeviceCertificate)
	if err != nil {
		return nil, fmt.Errorf("device certificate: %w", err)
	}
	known := [][]byte{}
	for _, text := range [][]byte{p.HostCertificate, p.RootCertificate} {
		der, err := certificate(text)
		if err != nil {
			return nil, fmt.Errorf("host certificate: %w", err)
		}
		known = append(known, der)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{device}, PrivateKey: id.key}},
		MinVersion:             tls.VersionTLS12,
		MaxVersion:             tls.VersionTLS12,
		SessionTicketsDisabled: true,
		// The tunnel needs one record for every write: clients take a record for a packet.
		DynamicRecordSizingDisabled: true,
		ClientAuth:                  tls.RequireAnyClientCert,
		// Hosts show either the host's or the root's certificate of the pair record. Comparing bytes is stricter than a
		// chain, and holds for certificates that are too old-fashioned for a verifier.
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			for _, want := range known {
				if len(raw) > 0 && bytes.Equal(raw[0], want) {
					return nil
				}
			}
			return errors.New("the host's certificate is not of the pairing")
		},
	}, nil
}

func certificate(text []byte) ([]byte, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return block.Bytes, nil
}
