package ingest

import (
	"bytes"
	"database/sql"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// payloadStream is so many different payloads of a day, one a line, made as they are read.
type payloadStream struct {
	parts  [][]byte // of a payload, between its numbers
	left   int
	random *rand.Rand
	line   []byte
	each   func() // called before each payload
}

func newPayloadStream(t testing.TB, payloads int) *payloadStream {
	t.Helper()
	day, err := os.ReadFile(filepath.Join("..", "metrickit", "testdata", "day.json"))
	require.NoError(t, err)
	// Without its last signpost it is one of 5 kB.
	day = append(day[:bytes.LastIndex(day, []byte(`, {"signpostName"`))], "]}\n"...)
	p := &payloadStream{left: payloads, random: rand.New(rand.NewPCG(1, 2)), each: func() {}}
	from := 0
	for _, found := range regexp.MustCompile(`"(?:bucketCount": |cumulative\w+": ")(\d(?:[\d,]*\d)?)`).FindAllSubmatchIndex(day, -1) {
		p.parts, from = append(p.parts, day[from:found[2]]), found[3]
	}
	p.parts = append(p.parts, day[from:])
	return p
}

func (p *payloadStream) Read(into []byte) (int, error) {
	if len(p.line) == 0 {
		if p.left == 0 {
			return 0, io.EOF
		}
		p.left--
		p.each()
		p.line = append(p.line, p.parts[0]...)
		for _, part := range p.parts[1:] {
			p.line = append(strconv.AppendInt(p.line, p.random.Int64N(10_000), 10), part...)
		}
	}
	n := copy(into, p.line)
	p.line = p.line[n:]
	return n, nil
}

// BenchmarkIngest takes twenty thousand payloads in from a file, and puts the same bytes bare into a table of one column,
// with the same journal and in transactions of as many: "x-bare" is our time over the bare insert's.
func BenchmarkIngest(b *testing.B) {
	const payloads = 20_000
	file := filepath.Join(b.TempDir(), "payloads.jsonl")
	text, err := io.ReadAll(newPayloadStream(b, payloads))
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(file, text, 0o644))
	var ours, theirs, processor time.Duration
	rounds := 0
	for b.Loop() {
		rounds++
		begin, used := time.Now(), processorTime(b)
		taken := takeIn(b, b.TempDir(), Options{Sources: []string{file}})
		require.Equal(b, payloads, taken.Added)
		ours, processor = ours+time.Since(begin), processor+processorTime(b)-used
		begin = time.Now()
		insertBare(b, filepath.Join(b.TempDir(), "bare.sqlite"), text)
		theirs += time.Since(begin)
	}
	all := float64(rounds * payloads)
	b.ReportMetric(all/ours.Seconds(), "payloads/s")
	b.ReportMetric(all/theirs.Seconds(), "bare/s")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "x-bare")
	b.ReportMetric(processor.Seconds()/all*1e6, "processor-µs/payload")
	b.ReportMetric(float64(len(text))/payloads, "B/payload")
}

// insertBare opens a new database, inserts each line into it as it is, and closes it.
func insertBare(b *testing.B, path string, text []byte) {
	b.Helper()
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=NORMAL&_txlock=immediate")
	require.NoError(b, err)
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE payloads (raw BLOB)`)
	require.NoError(b, err)
	for len(text) > 0 {
		tx, err := db.Begin()
		require.NoError(b, err)
		insert, err := tx.Prepare(`INSERT INTO payloads (raw) VALUES (?)`)
		require.NoError(b, err)
		for range batchPayloads {
			line, rest, found := bytes.Cut(text, []byte{'\n'})
			if !found {
				break
			}
			_, err := insert.Exec(line)
			require.NoError(b, err)
			text = rest
		}
		require.NoError(b, tx.Commit())
	}
}

// processorTime is what this process has used so far.
func processorTime(t testing.TB) time.Duration {
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// TestIngestMemoryIsConstant: what is held in memory does not grow with the number of payloads.
func TestIngestMemoryIsConstant(t *testing.T) {
	const few, most = heldBytes / 4000, heldBytes // few payloads can fill what may be held, and need not
	peak := func(payloads int) (peak uint64) {
		stream, sent := newPayloadStream(t, payloads), 0
		stream.each = func() {
			if sent++; sent%1000 == 0 {
				live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}} // what the workers throw away meanwhile does not count
				runtime.GC()
				metrics.Read(live)
				peak = max(peak, live[0].Value.Uint64())
			}
		}
		taken := takeIn(t, t.TempDir(), Options{Sources: []string{"-"}, Stdin: stream})
		require.Equal(t, payloads, sent)
		require.Equal(t, payloads, taken.Payloads)
		return peak
	}
	times := 10
	if raceDetector { // every payload takes it six times as long
		times = 4
	}
	before := peak(few)
	assert.LessOrEqual(t, peak(times*few), before+most, "%d payloads were held in %d bytes, %d times as many", few, before, times)
}

// TestBatchesBoundBytes: large payloads wait for each other, and one that is larger than what may be held goes alone.
func TestBatchesBoundBytes(t *testing.T) {
	b := newBatcher(t.Context(), stillClock{}, false)
	raw := append([]byte(`{"memoryMetrics":{}}`), bytes.Repeat([]byte{' '}, heldBytes)...)
	added := make(chan int)
	go func() {
		defer b.close()
		for i := range 3 {
			if err := b.add(reading{source: "large", raw: raw}); err != nil {
				added <- -1
				return
			}
			added <- i
		}
	}()
	for i := range 3 {
		require.Equal(t, i, <-added, "added")
		select {
		case early := <-added:
			t.Fatalf("payload %d was taken before room was made for it", early)
		case next := <-b.ordered:
			<-next.ready
			assert.False(t, b.held.TryAcquire(1), "a payload of all that may be held leaves room")
			b.done(next)
		}
	}
	_, open := <-b.ordered
	assert.False(t, open, "a batch too many")
}
