package virtualiphone

import (
	"context"
	"net"
	"os"
	"strings"
)

// Listen opens an address to serve a lab on: HOST:PORT, or the path of a unix socket, with a slash in it. A socket that a
// dead process has left behind is replaced.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	network := "tcp"
	if strings.ContainsRune(address, '/') {
		network = "unix"
		removeDeadSocket(ctx, address)
	}
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}

// removeDeadSocket removes a socket file that nobody answers on.
func removeDeadSocket(ctx context.Context, path string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	var dialer net.Dialer
	if conn, err := dialer.DialContext(ctx, "unix", path); err == nil {
		conn.Close()
		return
	}
	os.Remove(path)
}
