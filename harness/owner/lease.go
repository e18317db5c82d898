package owner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lilims/bench/harness"
)

// longestRecord is as much as is read of a lease file, in bytes: anybody on the host can write to it.
const longestRecord = 4096

// Holder is who has a phone.
type Holder struct {
	PID     int       `json:"pid"`
	Start   string    `json:"start,omitempty"` // when the process began, in the system's own terms; "": the system does not tell
	Run     string    `json:"run,omitempty"`   // name of the run that the phone is held for
	Command string    `json:"command,omitempty"`
	Since   time.Time `json:"since"`
}

// String names the holder: "run 20261201-… (pid 71, since 2026-12-01 04:20:01)".
func (h Holder) String() string {
	who := "another process"
	switch {
	case h.Run != "":
		who = "run " + h.Run
	case h.Command != "":
		who = h.Command
	}
	if h.PID == 0 {
		return who
	}
	return harness.PrintableLine(fmt.Sprintf("%s (pid %d, since %s)", who, h.PID, h.Since.Format(time.DateTime)))
}

// errHeld says that another process, or another lease of this one, has the lock.
var errHeld = errors.New("held")

// lease is a lock file that this process has locked.
type lease struct {
	folder int // descriptor
	name   string
	file   *os.File
	holder Holder
}

// take locks the file of that name in a folder and writes the holder into it. Where it is locked already, the error is errHeld
// and the holder is who has it, or nobody where that cannot be told.
func take(folder, name string, holder Holder) (*lease, Holder, error) {
	fd, err := openFolder(folder)
	if err != nil {
		return nil, Holder{}, err
	}
	l := &lease{folder: fd, name: name, holder: holder}
	other, err := l.lock()
	if err == nil {
		err = l.write()
	}
	if err != nil {
		l.close()
		return nil, other, err
	}
	return l, Holder{}, nil
}

// lock opens and locks the file. Its last owner removes it: a file that has gone in between is no lock any more.
func (l *lease) lock() (Holder, error) {
	for {
		var err error
		if l.file, err = openLease(l.folder, l.name, unix.O_RDWR); errors.Is(err, unix.ENOENT) {
			l.file, err = openLease(l.folder, l.name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
		}
		if errors.Is(err, unix.EEXIST) {
			continue // another process has made it meanwhile
		}
		if err != nil {
			return Holder{}, unsafeLease(l.name, err)
		}
		if err = flock(l.file); errors.Is(err, unix.EWOULDBLOCK) {
			return read(l.file), errHeld
		}
		if err != nil {
			return Holder{}, unsafeLease(l.name, err)
		}
		if l.inPlace() {
			return Holder{}, nil
		}
		_ = l.file.Close()
	}
}

func flock(file *os.File) error {
	for {
		if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// inPlace reports whether the locked file is still the one that others find.
func (l *lease) inPlace() bool {
	var own, found unix.Stat_t
	if unix.Fstat(int(l.file.Fd()), &own) != nil || unix.Fstatat(l.folder, l.name, &found, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return false
	}
	return own.Dev == found.Dev && own.Ino == found.Ino
}

// openLease opens a lease file, never through a link.
func openLease(folder int, name string, flags int) (*os.File, error) {
	// Non-blocking: a named pipe in its place would be waited for.
	fd, err := unix.Openat(folder, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o666)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	var found unix.Stat_t
	err = unix.Fstat(fd, &found)
	switch {
	case err != nil:
	case found.Mode&unix.S_IFMT != unix.S_IFREG:
		err = errors.New("it is no regular file")
	case found.Nlink > 1:
		err = errors.New("it has a second name")
	case flags&unix.O_CREAT != 0: // other users lock the file too, whatever this one's umask is
		err = unix.Fchmod(fd, 0o666)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

func unsafeLease(name string, err error) error {
	if errors.Is(err, unix.ELOOP) {
		err = errors.New("it is a symbolic link")
	}
	return &harness.Error{Kind: harness.KindStorage, Op: "lock lease " + name, Err: err,
		Hint: "Remove the file when no bench process runs; the host's leases are in " + DefaultFolder + "."}
}

// write puts the holder into the file.
func (l *lease) write() error {
	text, err := json.Marshal(l.holder)
	if err == nil {
		err = l.file.Truncate(0)
	}
	if err == nil {
		_, err = l.file.WriteAt(append(text, '\n'), 0)
	}
	if err != nil {
		return &harness.Error{Kind: harness.KindStorage, Op: "write lease " + l.name, Err: err, Hint: "Free space in " + DefaultFolder + "."}
	}
	return nil
}

// read is the holder that a file names. It is nobody where that process has ended: the next owner has not written yet.
func read(file *os.File) Holder {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, longestRecord))
	if err != nil {
		return Holder{}
	}
	var found Holder
	if json.Unmarshal(text, &found) != nil || !found.lives() {
		return Holder{}
	}
	return found
}

// lives reports whether the holder's process runs: one of its ID that began at its time.
func (h Holder) lives() bool {
	if h.PID <= 0 {
		return false
	}
	if err := unix.Kill(h.PID, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return false
	}
	now := startOf(h.PID)
	return h.Start == "" || now == "" || h.Start == now
}

// holderOf is who holds the lease of that name, without touching its lock.
func holderOf(folder, name string) (Holder, bool) {
	fd, err := unix.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return Holder{}, false // no lease was ever taken
	}
	defer func() { _ = unix.Close(fd) }()
	file, err := openLease(fd, name, unix.O_RDONLY)
	if err != nil {
		return Holder{}, false
	}
	defer func() { _ = file.Close() }()
	found := read(file)
	return found, found.PID != 0
}

// release removes the file while it is still locked, so that nobody finds it unlocked under its name, and lets go of it.
func (l *lease) release() error {
	err := unix.Unlinkat(l.folder, l.name, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) { // another user has made it: the file stays
		err = l.file.Truncate(0)
	}
	l.close()
	if errors.Is(err, unix.ENOENT) {
		return nil // somebody has cleared the folder
	}
	return err
}

func (l *lease) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
	_ = unix.Close(l.folder)
}
