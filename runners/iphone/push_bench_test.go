package iphone_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/danielpaulus/go-ios/ios"
	library "github.com/danielpaulus/go-ios/ios/afc"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
)

const pushBytes = 256 << 20

// BenchmarkPush copies 256 MiB to a phone: with this package's writer, with go-ios's, and as a plain copy of a file on
// this host, without and with 1 ms of delay each way. The metrics x_library and x_copy are how many times as fast as
// those the writer is. Run it with -benchtime 3x or so.
func BenchmarkPush(b *testing.B) {
	source := filepath.Join(b.TempDir(), "weights.bin")
	require.NoError(b, os.WriteFile(source, make([]byte, pushBytes), 0o644))
	for _, delay := range []time.Duration{0, time.Millisecond} {
		b.Run(fmt.Sprintf("delay=%v", delay), func(b *testing.B) {
			lab := newBench(b)
			p := lab.phone("", virtualiphone.PhoneOptions{Link: faults.Link{RTT: 2 * delay}})
			s := lab.open(lab.device(0))
			_, err := s.Prepare(b.Context(), testBuild(b, ""), testModel(b, 10), nil)
			require.NoError(b, err)
			seconds := map[string]float64{}
			measure := func(name string, push func(b *testing.B)) {
				b.Run(name, func(b *testing.B) {
					b.SetBytes(pushBytes)
					for b.Loop() {
						push(b)
					}
					seconds[name] = b.Elapsed().Seconds() / float64(b.N)
					if name == "own" {
						b.ReportMetric(seconds["library"]/seconds[name], "x_library")
						b.ReportMetric(seconds["copy"]/seconds[name], "x_copy")
					}
				})
			}
			target := filepath.Join(b.TempDir(), "copy.bin")
			measure("copy", func(b *testing.B) { copyFile(b, source, target) })
			b.Setenv("USBMUXD_SOCKET_ADDRESS", lab.socket)
			theirs := libraryFiles(b, p)
			measure("library", func(b *testing.B) {
				require.NoError(b, theirs.Push(source, "Documents/library.bin"))
			})
			ours, err := s.FilesForTest(b.Context(), bundleID)
			require.NoError(b, err)
			measure("own", func(b *testing.B) { pushFile(b, ours, source) })
		})
	}
}

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	in, err := os.Open(from)
	require.NoError(b, err)
	defer in.Close()
	out, err := os.Create(to)
	require.NoError(b, err)
	// Hiding ReadFrom keeps the kernel from sharing the blocks instead of copying them.
	_, err = io.Copy(struct{ io.Writer }{out}, in)
	require.NoError(b, err)
	require.NoError(b, out.Close())
}

func libraryFiles(b *testing.B, p *virtualiphone.Phone) *library.Connection {
	b.Helper()
	entry, err := ios.GetDevice(p.UDID())
	require.NoError(b, err)
	files, err := library.NewContainer(entry, bundleID)
	require.NoError(b, err)
	b.Cleanup(files.Close)
	return files
}

func pushFile(b *testing.B, c *afc.Client, source string) {
	b.Helper()
	local, err := os.Open(source)
	require.NoError(b, err)
	defer local.Close()
	remote, err := c.Open(b.Context(), "Documents/own.bin", afc.Replace)
	require.NoError(b, err)
	require.NoError(b, remote.Upload(b.Context(), local, 0, pushBytes, func(int64) {}))
	require.NoError(b, remote.Close(b.Context()))
}
