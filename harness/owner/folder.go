package owner

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lilims/bench/harness"
)

// DefaultFolder is where a host's leases are. It is not $TMPDIR, which is another folder for each user of a Mac.
const DefaultFolder = "/tmp/bench-leases"

// shared is the mode of the folder: everybody makes files in it, and each removes their own.
const shared = unix.S_ISVTX | 0o777

// openFolder opens the folder of leases, and makes it where there is none. The error is of kind storage where others could
// replace its files, or this user can make none.
func openFolder(path string) (int, error) {
	if err := unix.Mkdir(path, 0o777); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, refused(path, "it cannot be made: %w", err)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, refused(path, "it is no folder that can be opened: %w", err)
	}
	if err := makeShared(fd); err != nil {
		_ = unix.Close(fd)
		return -1, refused(path, "%w", err)
	}
	return fd, nil
}

// makeShared sees to the folder's mode, which the umask has cut when it was made.
func makeShared(fd int) error {
	var found unix.Stat_t
	if err := unix.Fstat(fd, &found); err != nil {
		return err
	}
	mode := uint32(found.Mode) & 0o7777
	if mode == shared {
		return nil
	}
	if int(found.Uid) != unix.Geteuid() {
		return fmt.Errorf("it belongs to user %d and has mode %o, not 1777", found.Uid, mode)
	}
	return unix.Fchmod(fd, shared)
}

func refused(path, format string, args ...any) error {
	return &harness.Error{Kind: harness.KindStorage, Op: "open the folder of leases " + path, Err: fmt.Errorf(format, args...),
		Hint: "Remove it, or let its owner set its mode: chmod 1777 " + path + "."}
}
