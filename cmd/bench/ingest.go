package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/harness/metrickit"
	"github.com/lilims/bench/harness/store"
)

// takeBatch is how many payloads are kept in one transaction: enough to hide its cost, few enough to hold.
const takeBatch = 256

func ingestCommand() command {
	return command{
		name: "ingest", summary: "take MetricKit payloads in from files", usage: "metrickit FILE|DIR|- … [--json]",
		setup: func(flags *flag.FlagSet) action {
			data := dataFlag(flags)
			asJSON := flags.Bool("json", false, "also print every record in base units, one JSON object a line")
			return func(ctx context.Context, env Env, rest []string) (int, error) {
				if len(rest) == 0 || rest[0] != "metrickit" {
					return 0, usageError("ingest", "Say bench ingest metrickit FILE.", "what to take in: metrickit")
				}
				sources, err := interspersed(flags, "ingest", rest[1:])
				if err != nil {
					return 0, err
				}
				if len(sources) == 0 {
					return 0, usageError("ingest", "Name files or folders, or - for standard input.", "nothing to take in")
				}
				return ingest(ctx, env, dataFolder(env, *data), sources, *asJSON)
			}
		},
	}
}

// interspersed parses flags that stand between or behind arguments.
func interspersed(flags *flag.FlagSet, op string, args []string) (plain []string, err error) {
	for len(args) > 0 {
		if args[0] == "-" || args[0] == "" || args[0][0] != '-' {
			plain, args = append(plain, args[0]), args[1:]
			continue
		}
		if err := flags.Parse(args); err != nil {
			return nil, usageError(op, "See bench help "+op+".", "%w", err)
		}
		args = flags.Args()
	}
	return plain, nil
}

// intake is one run of ingest.
type intake struct {
	env    Env
	data   string
	store  *store.Store
	out    *bufio.Writer // nil: no records are printed
	batch  []harness.Taken
	counts struct{ payloads, added, records, failed int }
}

func ingest(ctx context.Context, env Env, data string, sources []string, asJSON bool) (int, error) {
	recorder, err := store.Open(ctx, databasePath(data))
	if err != nil {
		return 0, err
	}
	defer recorder.Close()
	in := &intake{env: env, data: data, store: recorder}
	if asJSON {
		in.out = bufio.NewWriterSize(env.Stdout, 1<<16)
	}
	if err := in.all(ctx, sources); err != nil {
		return 0, err
	}
	if in.out != nil {
		if err := in.out.Flush(); err != nil {
			return 0, err
		}
	}
	fmt.Fprintf(env.Stderr, "%d payloads with %d records, %d not readable; %d new, kept in %s\n",
		in.counts.payloads, in.counts.records, in.counts.failed, in.counts.added, databasePath(data))
	if in.counts.failed > 0 {
		return exitUsage, nil
	}
	return exitOK, nil
}

// all reads every source, parses on all processors, and keeps and prints in the order of the sources.
func (in *intake) all(ctx context.Context, sources []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ordered := make(chan *reading, 4*runtime.GOMAXPROCS(0)) // bounds what is held
	go func() {
		defer close(ordered)
		for _, source := range sources {
			walk(ctx, in.env, source, in.payloads(), ordered)
		}
	}()
	for r := range ordered {
		<-r.parsed
		if err := in.take(ctx, r); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return in.flush(ctx)
}

// reading is one payload on its way.
type reading struct {
	source  string
	raw     []byte
	problem error
	large   func() (io.ReadCloser, error) // opens a source that is too large to be read
	parsed  chan struct{}
	payload metrickit.Payload
	figures []byte
}

// walk sends the payloads of a file, of the files below a folder, or of standard input.
func walk(ctx context.Context, env Env, source, folder string, out chan<- *reading) {
	if source == "-" {
		standardInput(ctx, env.Stdin, folder, out)
		return
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			send(ctx, out, &reading{source: path, problem: err})
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			send(ctx, out, &reading{source: path, problem: err})
			return nil
		}
		defer file.Close()
		split(ctx, path, file, func() (io.ReadCloser, error) { return os.Open(path) }, out)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		send(ctx, out, &reading{source: source, problem: err})
	}
}

// standardInput sends the payloads of standard input. It cannot be read twice, so it is copied into folder for the case
// that it is too large to be read as payloads.
func standardInput(ctx context.Context, from io.Reader, folder string, out chan<- *reading) {
	const source = "standard input"
	err := os.MkdirAll(folder, 0o755)
	if err != nil {
		send(ctx, out, &reading{source: source, problem: err})
		return
	}
	spool, err := os.CreateTemp(folder, ".input-*")
	if err != nil {
		send(ctx, out, &reading{source: source, problem: err})
		return
	}
	os.Remove(spool.Name()) // the open file lives on until it is closed
	tooLarge := split(ctx, source, io.TeeReader(from, spool), func() (io.ReadCloser, error) {
		if _, err := io.Copy(spool, from); err != nil {
			return spool, err
		}
		_, err := spool.Seek(0, io.SeekStart)
		return spool, err
	}, out)
	if !tooLarge {
		spool.Close()
	}
}

// split sends each payload of a source; again opens it from its beginning, to be kept where it is too large.
func split(ctx context.Context, source string, from io.Reader, again func() (io.ReadCloser, error), out chan<- *reading) (tooLarge bool) {
	count := 0
	err := metrickit.Split(from, func(raw []byte, problem error) error {
		count++
		return send(ctx, out, &reading{source: source, raw: raw, problem: problem})
	})
	switch {
	case errors.Is(err, metrickit.ErrTooLarge):
		return send(ctx, out, &reading{source: source, problem: err, large: again}) == nil
	case err != nil:
		send(ctx, out, &reading{source: source, problem: err})
	case count == 0:
		send(ctx, out, &reading{source: source, problem: errors.New("no payload in it")})
	}
	return false
}

// send queues a reading and begins to parse it; the queue's bound is the bound on parsers.
func send(ctx context.Context, out chan<- *reading, r *reading) error {
	r.parsed = make(chan struct{})
	select {
	case out <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	go r.parse()
	return nil
}

func (r *reading) parse() {
	defer close(r.parsed)
	if r.problem != nil {
		return
	}
	if r.payload, r.problem = metrickit.Parse(r.raw); r.problem != nil {
		return
	}
	r.figures, r.problem = figuresJSON(r.payload)
}

// figure is a value that can be compared across payloads.
type figure struct {
	Path     string   `json:"path"`
	Signpost string   `json:"signpost,omitempty"`
	Category string   `json:"category,omitempty"`
	Value    *float64 `json:"value"`
	Unit     string   `json:"unit"`
}

func figuresOf(records []metrickit.Record) []figure {
	var out []figure
	for _, r := range records {
		if r.Value != nil {
			out = append(out, figure{r.Path, r.Signpost, r.Category, r.Value, r.Unit})
		}
	}
	return out
}

// take counts, prints and keeps one payload.
func (in *intake) take(ctx context.Context, r *reading) error {
	taken, err := in.taken(r)
	if err != nil {
		return err
	}
	if r.problem != nil {
		in.counts.failed++
		fmt.Fprintf(in.env.Stderr, "bench: ingest: %s: %v\n", r.source, r.problem)
	} else {
		in.counts.payloads++
		in.counts.records += len(r.payload.Records)
		if err := in.print(r); err != nil {
			return err
		}
	}
	if taken.Size == 0 {
		return nil // there were no bytes to keep
	}
	in.batch = append(in.batch, taken)
	if len(in.batch) < takeBatch {
		return nil
	}
	return in.flush(ctx)
}

// recordLine is a line of --json: a record, and the payload that it is of.
type recordLine struct {
	Source string `json:"source"`
	Format string `json:"format"`
	metrickit.Record
}

func (in *intake) print(r *reading) error {
	if in.out == nil {
		return nil
	}
	for _, record := range r.payload.Records {
		line, err := json.Marshal(recordLine{r.source, r.payload.Format, record})
		if err != nil {
			return err
		}
		in.out.Write(line)
		if err := in.out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

func (in *intake) taken(r *reading) (harness.Taken, error) {
	t := r.taken(in.env.Clock.Now())
	if r.large == nil {
		return t, nil
	}
	var err error
	t.Raw = nil
	t.Hash, t.Size, err = in.keepWhole(r)
	return t, err
}

// payloads is the folder of what is too large for a row of the database.
func (in *intake) payloads() string { return filepath.Join(in.data, "payloads") }

// keepWhole copies a source that is too large for a row beside the database, named by its hash.
func (in *intake) keepWhole(r *reading) (hash [32]byte, size int64, err error) {
	fail := func(err error) ([32]byte, int64, error) {
		return hash, 0, &harness.Error{Kind: harness.KindStorage, Op: "keep " + r.source, Err: err, Hint: "Free some space, or choose another folder with --data."}
	}
	folder := in.payloads()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fail(err)
	}
	from, err := r.large()
	if from != nil {
		defer from.Close()
	}
	if err != nil {
		return fail(err)
	}
	to, err := os.CreateTemp(folder, ".payload-*")
	if err != nil {
		return fail(err)
	}
	defer os.Remove(to.Name())
	sum := sha256.New()
	if size, err = io.Copy(io.MultiWriter(to, sum), from); err != nil {
		to.Close()
		return fail(err)
	}
	if err := to.Close(); err != nil {
		return fail(err)
	}
	hash = [32]byte(sum.Sum(nil))
	if err := os.Rename(to.Name(), filepath.Join(folder, fmt.Sprintf("%x.json", hash))); err != nil {
		return fail(err)
	}
	return hash, size, nil
}

func (in *intake) flush(ctx context.Context) error {
	if len(in.batch) == 0 {
		return nil
	}
	added, err := in.store.Take(ctx, in.batch)
	in.counts.added += added
	in.batch = in.batch[:0]
	return err
}
