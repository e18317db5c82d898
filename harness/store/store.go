package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/lilims/bench/harness"
)

const (
	// busyTimeout is how long a write waits for another process that writes to the same file.
	busyTimeout = 10 * time.Second
	// readers is the number of connections that read at the same time, each with so many KiB of pages at hand: histories of
	// many cases pass over the same pages again and again.
	readers, readerCache = 4, 32 << 10
)

// Store is an open database. Its methods may be called from any goroutine.
type Store struct {
	path  string
	write *sql.DB
	read  *sql.DB

	mu         sync.Mutex // held during a write: guards what follows
	writer     *sql.Conn  // the one of write: SQLite has one writer at a time, so they queue here, not in its busy loop
	statements map[string]*sql.Stmt
	words      map[string]int64 // row numbers by name
	runs       map[string]int64
	sessions   map[sessionKey]int64
	contexts   map[[sha256.Size]byte]int64 // by the hash of their text
	lines      *lineCodec

	known *readCache
}

// sessionKey names a launch: session names are unique within a run only.
type sessionKey struct {
	run  int64
	name string
}

// Open opens the database at path, makes it with its folder where there is none, and brings an older one up to date.
// A file that a newer bench has written is refused with an error of kind storage.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, harness.UsageError("make data folder", "Choose another folder with --data or BENCH_DATA.", "%w", err)
	}
	s := &Store{path: path, statements: map[string]*sql.Stmt{}, words: map[string]int64{}, runs: map[string]int64{},
		sessions: map[sessionKey]int64{}, contexts: map[[sha256.Size]byte]int64{}, lines: newLineCodec(),
		known: newReadCache()}
	err := s.alone(func() error { return s.connect(ctx) })
	if err == nil {
		err = s.sealEarlier(ctx)
	}
	if err != nil {
		return nil, s.fault("open database", errors.Join(err, s.Close()))
	}
	return s, nil
}

// alone runs do while no other process opens or closes a database in this folder: SQLite refuses a file that another
// process switches to its log or takes away from it, whatever the busy timeout. Where the folder cannot be locked, as on
// some network drives, it is a matter of luck.
func (s *Store) alone(do func() error) error {
	folder, err := os.Open(filepath.Dir(s.path))
	if err != nil {
		return do()
	}
	defer folder.Close() // and with it the lock
	for errors.Is(syscall.Flock(int(folder.Fd()), syscall.LOCK_EX), syscall.EINTR) {
	}
	return do()
}

func (s *Store) connect(ctx context.Context) (err error) {
	if s.write, err = sql.Open("sqlite3", dataSource(s.path, "_txlock=immediate")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if err = migrate(ctx, s.write, migrations()); err != nil {
		return err
	}
	if s.writer, err = s.write.Conn(ctx); err != nil {
		return err
	}
	// A checkpoint waits for the disk: at every 4 MB of log, which is the default, taking payloads in waited a quarter of its time.
	if _, err = s.writer.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 4000"); err != nil { // pages, 16 MB
		return err
	}
	if s.read, err = sql.Open("sqlite3", dataSource(s.path, "_query_only=true&_cache_size=-"+strconv.Itoa(readerCache))); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	return nil
}

// dataSource spells the connection's settings the way the driver reads them.
func dataSource(path, more string) string {
	address := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return address.String() + "?_journal_mode=WAL&_synchronous=NORMAL&_foreign_keys=true&_busy_timeout=" +
		strconv.FormatInt(busyTimeout.Milliseconds(), 10) + "&" + more
}

// Path returns where the database lies.
func (s *Store) Path() string { return s.path }

// Close waits for the write under way and closes the file. The log beside it is folded into it.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault("close database", s.alone(s.disconnect))
}

// disconnect closes what connect and prepare have opened.
func (s *Store) disconnect() error {
	var errs []error
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	for _, statement := range s.statements {
		errs = append(errs, statement.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.Close())
	}
	return errors.Join(errs...)
}

// fault turns a database error into one that says what to do. Errors that say so already pass unchanged.
func (s *Store) fault(op string, err error) error {
	var told *harness.Error
	if err == nil || errors.As(err, &told) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &harness.Error{Kind: harness.KindStorage, Op: op, Err: &pathError{s.path, err}, Hint: hint(err)}
}

// hint is the next step for what SQLite says.
func hint(err error) string {
	var fault sqlite3.Error
	if !errors.As(err, &fault) {
		return ""
	}
	switch fault.Code {
	case sqlite3.ErrFull:
		return "free some space, or move the data folder with --data; then `bench run --resume` collects what the app has finished"
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return "another program holds the database for writing; let it finish, or use another folder with --data"
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return "the file is damaged or not a bench database; move it away and run again, and keep it for `sqlite3 FILE .recover`"
	case sqlite3.ErrReadonly, sqlite3.ErrCantOpen, sqlite3.ErrPerm, sqlite3.ErrAuth:
		return "make the data folder writable, or choose another with --data or BENCH_DATA"
	case sqlite3.ErrIoErr:
		return "the disk failed to read or write; check it, or choose another folder with --data"
	}
	return ""
}

// pathError adds the file to a database error.
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }
