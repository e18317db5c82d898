package virtualiphone_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
)

func TestListen(t *testing.T) {
	tcp, err := virtualiphone.Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	assert.Equal(t, "tcp", tcp.Addr().Network())

	path := filepath.Join(t.TempDir(), "mux.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)
	require.NoError(t, left.Close(), "as a process does that dies")
	socket, err := virtualiphone.Listen(t.Context(), path)
	require.NoError(t, err, "the socket of a dead process is replaced")
	defer socket.Close()
	_, err = virtualiphone.Listen(t.Context(), path)
	assert.Error(t, err, "that of a living one is not")
}
