package virtualiphone_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/process"
)

// packet is an AFC request.
func packet(number, op uint64, params, payload []byte) []byte {
	out := []byte("CFA6LPAA")
	for _, word := range []uint64{uint64(40 + len(params) + len(payload)), uint64(40 + len(params)), number, op} {
		out = binary.LittleEndian.AppendUint64(out, word)
	}
	return append(append(out, params...), payload...)
}

// reply reads an AFC answer: its parameters and payload together.
func reply(conn io.Reader) ([]byte, error) {
	var head [40]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.LittleEndian.Uint64(head[8:])-40)
	_, err := io.ReadFull(conn, rest)
	return rest, err
}

// push writes a file through AFC, 256 KiB at a time.
func push(conn net.Conn, name string, contents []byte) error {
	if _, err := conn.Write(packet(0, 0x0D, append(binary.LittleEndian.AppendUint64(nil, 3), name...), nil)); err != nil {
		return err
	}
	handle, err := reply(conn)
	if err != nil {
		return err
	}
	for number := uint64(1); len(contents) > 0; number++ {
		n := min(256<<10, len(contents))
		if _, err := conn.Write(packet(number, 0x10, handle, contents[:n])); err != nil {
			return err
		}
		status, err := reply(conn)
		if err != nil {
			return err
		}
		if code := binary.LittleEndian.Uint64(status); code != 0 {
			return fmt.Errorf("afc status %d", code)
		}
		contents = contents[n:]
	}
	return nil
}

func TestScriptedTrouble(t *testing.T) {
	const afc = "com.apple.afc"
	file := make([]byte, 2<<20)
	cases := map[string]struct {
		fault faults.Fault
		gone  bool // the phone is unplugged afterwards
	}{
		"dropped in the middle":  {faults.Fault{Service: afc, Kind: faults.Drop, AfterBytes: 1 << 20, Times: 1}, false},
		"detached in the middle": {faults.Fault{Service: afc, Kind: faults.Detach, AfterBytes: 1 << 20, Times: 1}, true},
		"handshake broken off":   {faults.Fault{Service: afc, Kind: faults.TLSAbort, Times: 1}, false},
		"answered with an error": {faults.Fault{Service: afc, Kind: faults.Reply, Code: 20, Times: 20}, false},
	}
	lab, host := newLab(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
			try := func() error {
				conn, err := host.Service(phone.UDID(), afc)
				if err != nil {
					return err
				}
				defer conn.Close()
				return push(conn, "big.bin", file)
			}
			require.NoError(t, phone.SetFault(c.fault))
			require.Error(t, try(), "the transfer went through")
			if c.gone {
				eventually(t, "the phone is gone", func() bool { _, ok := host.DeviceID(phone.UDID()); return !ok })
				require.NoError(t, phone.Attach())
			}
			phone.Faults().Clear(faults.Any)
			require.NoError(t, try(), "after the trouble")
		})
	}
}

func TestSlowCableIsFelt(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Link: faults.Link{RTT: 20 * time.Millisecond}})
	conn, err := host.Service(phone.UDID(), "com.apple.afc")
	require.NoError(t, err)
	start := time.Now()
	// five requests, one at a time
	require.NoError(t, push(conn, "x", make([]byte, 1<<20)))
	assert.GreaterOrEqual(t, time.Since(start), 100*time.Millisecond, "five round trips of 20 ms")
}

func TestAppsOutliveTheCable(t *testing.T) {
	phone := script(t, "trap 'exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done\n", nil)
	out := &output{}
	info := launch(t, phone, func(s *process.Spec) { s.Output = out })
	eventually(t, "the app is ready", func() bool { return strings.Contains(out.String(), "ready") })
	phone.Detach()
	_, err := phone.Processes().Usage(info.PID)
	require.NoError(t, err, "the app went with the cable")
	require.NoError(t, phone.Processes().Signal(info.PID, 15))
	assert.Equal(t, 5, exitOf(t, phone, info.PID).Code, "exit")
}

// TestFourPhonesAtOnce runs installs, transfers and apps on four phones at a time behind one mux, and checks that
// nothing is lost and nothing is mixed up.
func TestFourPhonesAtOnce(t *testing.T) {
	lab, host := newLab(t)
	var phones []*virtualiphone.Phone
	for range 4 {
		phones = append(phones, addPhone(t, lab, virtualiphone.PhoneOptions{}))
	}
	var all sync.WaitGroup
	for i, phone := range phones {
		all.Go(func() {
			assert.NoError(t, work(host, phone, i), "phone %d", i)
		})
	}
	all.Wait()
	for i, phone := range phones {
		got, err := os.ReadFile(filepath.Join(phone.Dir(), "media/own.bin"))
		require.NoError(t, err, "phone %d holds other bytes than it was sent: %d", i, len(got))
		assert.Equal(t, sha256.Sum256(contents(i)), sha256.Sum256(got), "phone %d holds other bytes than it was sent: %d", i, len(got))
	}
}

func contents(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 3<<20) }

// work uses a phone like a runner does. It must not end the test: it runs beside it.
func work(host hosttest.Host, phone *virtualiphone.Phone, i int) error {
	conn, err := host.Service(phone.UDID(), "com.apple.afc")
	if err != nil {
		return err
	}
	if err := push(conn, "own.bin", contents(i)); err != nil {
		return err
	}
	for range 5 {
		s, err := host.Session(phone.UDID())
		if err != nil {
			return err
		}
		answer, err := s.Ask(map[string]any{"Request": "GetValue", "Key": "UniqueDeviceID"})
		if err != nil || answer.String("Value") != phone.UDID() {
			return fmt.Errorf("it says %v, %w", answer, err)
		}
	}
	return nil
}

func TestForwardReachesAppsOnly(t *testing.T) {
	// The stranger is a listener of the test itself: not an app of the phone.
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer stranger.Close()
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	_, err = host.Connect(phone.UDID(), uint16(stranger.Addr().(*net.TCPAddr).Port))
	require.Error(t, err, "a host reaches a port of this machine that no app has opened")
	self, err := os.Executable()
	require.NoError(t, err)
	text := "#!/bin/sh\nexec env BENCH_TEST_SERVE=1 " + self + "\n"
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte(text)}))
	out := &output{}
	launch(t, phone, func(s *process.Spec) { s.Output = out })
	eventually(t, "the app listens", func() bool { return strings.HasSuffix(out.String(), "\n") })
	var port uint16
	_, err = fmt.Sscanf(out.String(), "listening on %d\n", &port)
	require.NoError(t, err, "the app says %q", out.String())
	conn, err := host.Connect(phone.UDID(), port)
	require.NoError(t, err)
	got, err := io.ReadAll(conn)
	require.NoError(t, err, "the app said")
	assert.Equal(t, "hello from the app", string(got), "the app said")
}

// TestMain turns this test's own executable into an app that listens, where it is launched as one. Apps end by SIGTERM even
// where this process has it ignored and they would inherit that: a signal that is caught has its default again in a child.
func TestMain(m *testing.M) {
	if signal.Ignored(syscall.SIGTERM) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	}
	if os.Getenv("BENCH_TEST_SERVE") != "" {
		serveOnce(context.Background())
		return
	}
	os.Exit(m.Run())
}

func serveOnce(context.Context) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on %d\n", l.Addr().(*net.TCPAddr).Port)
	conn, err := l.Accept()
	if err != nil {
		panic(err)
	}
	conn.Write([]byte("hello from the app"))
	conn.Close()
}
