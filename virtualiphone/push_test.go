package virtualiphone_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
)

// BenchmarkPush is what the phone takes in through mux, TLS and AFC from a host that sends 256 KiB and waits for each
// answer, without and with the round trip of a cable. Both ends share this machine.
func BenchmarkPush(b *testing.B) {
	for _, rtt := range []time.Duration{0, 2 * time.Millisecond} {
		b.Run(fmt.Sprintf("rtt=%v", rtt), func(b *testing.B) {
			lab, host := newLab(b)
			phone := addPhone(b, lab, virtualiphone.PhoneOptions{Link: faults.Link{RTT: rtt}})
			payload := bytes.Repeat([]byte("0123456789abcdef"), 16<<20) // 256 MiB
			conn, err := host.Service(phone.UDID(), "com.apple.afc")
			require.NoError(b, err)
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if err = push(conn, "big.bin", payload); err != nil {
					b.Fatal(err)
				}
			}
			info, err := os.Stat(filepath.Join(phone.Dir(), "media/big.bin"))
			require.NoError(b, err, "what arrived")
			require.Equal(b, int64(len(payload)), info.Size(), "what arrived")
		})
	}
}
