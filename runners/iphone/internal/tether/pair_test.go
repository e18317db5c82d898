package tether

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

func TestNewIdentityIsAChainForThePhonesKey(t *testing.T) {
	phone, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&phone.PublicKey)})
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	record, err := newIdentity(public, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(record.HostCertificate, record.HostPrivateKey); err != nil {
		t.Errorf("host certificate and key: %v", err)
	}
	root := parse(t, record.RootCertificate)
	for name, text := range map[string][]byte{"host": record.HostCertificate, "device": record.DeviceCertificate} {
		if err := parse(t, text).CheckSignatureFrom(root); err != nil {
			t.Errorf("%s certificate: %v", name, err)
		}
	}
	if got := parse(t, record.DeviceCertificate).PublicKey.(*rsa.PublicKey); !got.Equal(&phone.PublicKey) {
		t.Error("the device certificate is for another key than the phone's")
	}
	if len(record.HostID) != 36 {
		t.Errorf("HostID = %q, want a UUID", record.HostID)
	}
}

func TestNewIdentityRefusesWhatIsNoKey(t *testing.T) {
	for name, key := range map[string][]byte{"empty": nil, "no PEM": []byte("key"), "torn": []byte("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n")} {
		if _, err := newIdentity(key, time.Time{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("not PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
