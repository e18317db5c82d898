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
			if err := phone.SetFault(c.fault); err != nil {
				t.Fatal(err)
			}
			if err := try(); err == nil {
				t.Error("the transfer went through")
			}
			if c.gone {
				eventually(t, "the phone is gone", func() bool { _, ok := host.DeviceID(phone.UDID()); return !ok })
				if err := phone.Attach(); err != nil {
					t.Fatal(err)
				}
			}
			phone.Faults().Clear(faults.Any)
			if err := try(); err != nil {
				t.Errorf("after the trouble: %v", err)
			}
		})
	}
}

func TestSlowCableIsFelt(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Link: faults.Link{RTT: 20 * time.Millisecond}})
	conn, err := host.Service(phone.UDID(), "com.apple.afc")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := push(conn, "x", make([]byte, 1<<20)); err != nil { // five requests, one at a time
		t.Fatal(err)
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("five round trips of 20 ms took %v", took)
	}
}

func TestAppsOutliveTheCable(t *testing.T) {
	phone := script(t, "trap 'exit 5' TERM\necho ready\nwhile :; do sleep 0.05; done\n", nil)
	out := &output{}
	info := launch(t, phone, func(s *process.Spec) { s.Output = out })
	eventually(t, "the app is ready", func() bool { return strings.Contains(out.String(), "ready") })
	phone.Detach()
	if _, err := phone.Processes().Usage(info.PID); err != nil {
		t.Errorf("the app went with the cable: %v", err)
	}
	if err := phone.Processes().Signal(info.PID, 15); err != nil {
		t.Fatal(err)
	}
	if exit := exitOf(t, phone, info.PID); exit.Code != 5 {
		t.Errorf("exit = %+v, want code 5", exit)
	}
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
			if err := work(host, phone, i); err != nil {
				t.Errorf("phone %d: %v", i, err)
			}
		})
	}
	all.Wait()
	for i, phone := range phones {
		got, err := os.ReadFile(filepath.Join(phone.Dir(), "media/own.bin"))
		if err != nil || sha256.Sum256(got) != sha256.Sum256(contents(i)) {
			t.Errorf("phone %d holds other bytes than it was sent: %d, %v", i, len(got), err)
		}
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
			return fmt.Errorf("it says %v, %v", answer, err)
		}
	}
	return nil
}

func TestForwardReachesAppsOnly(t *testing.T) {
	// The stranger is a listener of the test itself: not an app of the phone.
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	if _, err := host.Connect(phone.UDID(), uint16(stranger.Addr().(*net.TCPAddr).Port)); err == nil {
		t.Error("a host reaches a port of this machine that no app has opened")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nexec env BENCH_TEST_SERVE=1 " + self + "\n"
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Executable: []byte(text)}))
	out := &output{}
	launch(t, phone, func(s *process.Spec) { s.Output = out })
	eventually(t, "the app listens", func() bool { return strings.HasSuffix(out.String(), "\n") })
	var port uint16
	if _, err := fmt.Sscanf(out.String(), "listening on %d\n", &port); err != nil {
		t.Fatalf("the app says %q", out.String())
	}
	conn, err := host.Connect(phone.UDID(), port)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || string(got) != "hello from the app" {
		t.Errorf("the app said %q, %v", got, err)
	}
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
