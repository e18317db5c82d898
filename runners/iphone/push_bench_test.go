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
	if err := os.WriteFile(source, make([]byte, pushBytes), 0o644); err != nil {
		b.Fatal(err)
	}
	for _, delay := range []time.Duration{0, time.Millisecond} {
		b.Run(fmt.Sprintf("delay=%v", delay), func(b *testing.B) {
			lab := newBench(b)
			p := lab.phone("", virtualiphone.PhoneOptions{Link: faults.Link{RTT: 2 * delay}})
			s := lab.open(lab.device(0))
			if _, err := s.Prepare(b.Context(), testBuild(b, ""), testModel(b, 10), nil); err != nil {
				b.Fatal(err)
			}
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
				if err := theirs.Push(source, "Documents/library.bin"); err != nil {
					b.Fatal(err)
				}
			})
			ours, err := s.FilesForTest(b.Context(), bundleID)
			if err != nil {
				b.Fatal(err)
			}
			measure("own", func(b *testing.B) { pushFile(b, ours, source) })
		})
	}
}

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	in, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	// Hiding ReadFrom keeps the kernel from sharing the blocks instead of copying them.
	if _, err := io.Copy(struct{ io.Writer }{out}, in); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

func libraryFiles(b *testing.B, p *virtualiphone.Phone) *library.Connection {
	b.Helper()
	entry, err := ios.GetDevice(p.UDID())
	if err != nil {
		b.Fatal(err)
	}
	files, err := library.NewContainer(entry, bundleID)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(files.Close)
	return files
}

func pushFile(b *testing.B, c *afc.Client, source string) {
	b.Helper()
	local, err := os.Open(source)
	if err != nil {
		b.Fatal(err)
	}
	defer local.Close()
	remote, err := c.Open(b.Context(), "Documents/own.bin", afc.Replace)
	if err != nil {
		b.Fatal(err)
	}
	if err := remote.Upload(b.Context(), local, 0, pushBytes, func(int64) {}); err != nil {
		b.Fatal(err)
	}
	if err := remote.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
