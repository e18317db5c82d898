package tether

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNewIdentityIsAChainForThePhonesKey(t *testing.T) {
	phone, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&phone.PublicKey)})
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	record, err := newIdentity(public, now)
	require.NoError(t, err)
	_, err = tls.X509KeyPair(record.HostCertificate, record.HostPrivateKey)
	require.NoError(t, err, "host certificate and key")
	root := parse(t, record.RootCertificate)
	for name, text := range map[string][]byte{"host": record.HostCertificate, "device": record.DeviceCertificate} {
		require.NoError(t, parse(t, text).CheckSignatureFrom(root), "%s certificate", name)
	}
	got := parse(t, record.DeviceCertificate).PublicKey.(*rsa.PublicKey)
	assert.True(t, got.Equal(&phone.PublicKey), "the device certificate is for another key than the phone's")
	assert.Len(t, record.HostID, 36)
}

func TestNewIdentityRefusesWhatIsNoKey(t *testing.T) {
	for name, key := range map[string][]byte{
		"empty": nil, "no PEM": []byte("key"), "torn": []byte("-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n"),
	} {
		_, err := newIdentity(key, time.Time{})
		require.Error(t, err, "%s: no error", name)
	}
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	require.NotNil(t, block, "not PEM")
	c, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return c
}
