package lockdown

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
	"github.com/lilims/bench/virtualiphone/internal/service"
)

// phone is a phone with one service and one domain.
type phone struct{}

func (phone) Values(domain string) (map[string]any, bool) {
	return map[string]any{"ProductType": "iPhone15,4"}, domain == ""
}
func (phone) SetValue(_, key string, _ any) bool { return key == "DeviceName" }
func (phone) Services() service.Catalog          { return service.Catalog{{Name: "echo", Serve: nil}} }
func (phone) Locked() bool                       { return false }
func (phone) Trust() Trust                       { return TrustAuto }
func (phone) ImageMounted() bool                 { return true }
func (phone) Link() faults.Link                  { return faults.Link{} }
func (phone) Detach()                            {}

func newServer(t testing.TB) *Server {
	t.Helper()
	s, err := New(phone{}, t.TempDir(), &faults.Script{}, hosttest.NewClock(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return s
}

func TestAnswers(t *testing.T) {
	s := newServer(t)
	cases := map[string]struct {
		request   plistio.Dict
		inSession bool
		want      string // the error's name
	}{
		"query type":            {plistio.Dict{"Request": "QueryType"}, false, ""},
		"a value":               {plistio.Dict{"Request": "GetValue", "Key": "ProductType"}, false, ""},
		"the key":               {plistio.Dict{"Request": "GetValue", "Key": "DevicePublicKey"}, false, ""},
		"no such value":         {plistio.Dict{"Request": "GetValue", "Key": "Nothing"}, true, errMissingValue},
		"no such domain":        {plistio.Dict{"Request": "GetValue", "Domain": "x"}, true, errMissingValue},
		"set out of session":    {plistio.Dict{"Request": "SetValue", "Key": "DeviceName", "Value": "x"}, false, errSessionInactive},
		"set nothing":           {plistio.Dict{"Request": "SetValue", "Key": "DeviceName"}, true, errInvalidRequest},
		"set what is not mine":  {plistio.Dict{"Request": "SetValue", "Key": "ProductType", "Value": "x"}, true, errSetProhibited},
		"set":                   {plistio.Dict{"Request": "SetValue", "Key": "DeviceName", "Value": "x"}, true, ""},
		"remove":                {plistio.Dict{"Request": "RemoveValue", "Key": "DeviceName"}, true, ""},
		"validate a stranger":   {plistio.Dict{"Request": "ValidatePair", "PairRecord": map[string]any{"HostID": "x"}}, false, errInvalidHost},
		"unpair a stranger":     {plistio.Dict{"Request": "Unpair"}, false, errInvalidHost},
		"pair without a record": {plistio.Dict{"Request": "Pair"}, false, errInvalidPairing},
		"service, no session":   {plistio.Dict{"Request": "StartService", "Service": "echo"}, false, errSessionInactive},
		"unknown service":       {plistio.Dict{"Request": "StartService", "Service": "x"}, true, errInvalidService},
		"recovery":              {plistio.Dict{"Request": "EnterRecovery"}, true, errSetProhibited},
		"nonsense":              {plistio.Dict{"Request": "Nonsense"}, true, errInvalidRequest},
		"nothing":               {plistio.Dict{}, true, errInvalidRequest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, got := s.answer(c.request, c.inSession, Pairing{})
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPortsAreUsedOnce(t *testing.T) {
	s := newServer(t)
	port := s.start(started{})
	_, ok := s.Open(port)
	require.True(t, ok, "nothing listens on a started port")
	_, ok = s.Open(port)
	assert.False(t, ok, "a port can be used twice")
	first := s.start(started{})
	for range maxStarted {
		s.start(started{})
	}
	_, ok = s.Open(first)
	assert.False(t, ok, "a service that nobody connected to is kept for ever")
}

func TestPairingsAreBounded(t *testing.T) {
	s := newServer(t)
	for i := range maxPairings {
		require.NoError(t, s.pairings.save(Pairing{HostID: string(rune('a' + i))}))
	}
	require.NoError(t, s.pairings.save(Pairing{HostID: "a"}), "a known host pairs again")
	require.Error(t, s.pairings.save(Pairing{HostID: "one too many"}), "a phone trusts hosts without bound")
}

func TestRecordConnStopsBetweenRecords(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		far.Write([]byte("\x16\x03\x03\x00\x05hello" + "plain"))
		far.Close()
	}()
	c := &recordConn{Conn: near}
	buffer := make([]byte, 100)
	var got []byte
	for len(got) < 10 {
		n, err := c.Read(buffer)
		require.NoError(t, err)
		got = append(got, buffer[:n]...)
	}
	assert.Equal(t, "\x16\x03\x03\x00\x05hello", string(got), "read")
	rest, _ := io.ReadAll(near)
	assert.Equal(t, "plain", string(rest), "left for plain text")
}

// replay is a connection whose host has sent everything already and does not listen.
type replay struct {
	net.Conn
	in *bytes.Reader
}

func (r *replay) Read(p []byte) (int, error)       { return r.in.Read(p) }
func (r *replay) Write(p []byte) (int, error)      { return len(p), nil }
func (r *replay) Close() error                     { return nil }
func (r *replay) SetDeadline(time.Time) error      { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

func FuzzServe(f *testing.F) {
	conversation := func(requests ...map[string]any) []byte {
		var out bytes.Buffer
		for _, r := range requests {
			text, err := plist.Marshal(r, plist.XMLFormat)
			require.NoError(f, err)
			plistio.WriteFrame(&out, text)
		}
		return out.Bytes()
	}
	f.Add(conversation(map[string]any{"Request": "QueryType"}, map[string]any{"Request": "GetValue"}, map[string]any{"Request": "Goodbye"}))
	f.Add(conversation(map[string]any{"Request": "Pair", "PairRecord": map[string]any{
		"HostID": "h", "DeviceCertificate": []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
	}}))
	f.Add(conversation(map[string]any{"Request": "StartSession", "HostID": "x"}, map[string]any{"Request": "StopSession", "SessionID": ""}))
	f.Add(conversation(map[string]any{"Request": "GetValue", "Domain": 7, "Key": []any{}}))
	s := newServer(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		s.serveLockdown(context.Background(), &replay{in: bytes.NewReader(input)})
	})
}
