package phonetest_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/phonetest"
)

const (
	tunnel  = "com.apple.internal.devicecompute.CoreDeviceProxy"
	secured = "com.apple.instruments.remoteserver.DVTSecureSocketProxy"
)

func TestWhatAPhoneOffers(t *testing.T) {
	for _, c := range []struct {
		version, name string
		offered       bool
	}{
		{"18.6", tunnel, true},
		{"17.4.1", tunnel, true},
		{"17.3", tunnel, false},
		{"16.7.2", tunnel, false},
		{"16.7.2", secured, true},
		{"18.6", secured, false},
	} {
		phone := phonetest.New()
		phone.Version = c.version
		conn, err := phone.Dial(c.name, phonetest.NewClock(), faults.Instruments{})
		if !c.offered {
			require.ErrorContains(t, err, "iOS "+c.version+" offers no "+c.name)
			continue
		}
		require.NoError(t, err, "%s on iOS %s", c.name, c.version)
		conn.Stop()
	}
}

func TestACutConnectionEnds(t *testing.T) {
	conn, err := phonetest.New().Dial(tunnel, phonetest.NewClock(), faults.Instruments{})
	require.NoError(t, err)
	defer conn.Stop()
	conn.Cut()
	_, err = conn.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)
}
