package fetch

import (
	"errors"
	"os"
	"syscall"
)

// lock keeps a file for this process as long as it lives. The lock file itself stays: removing it would let two
// processes hold locks on two files of one name.
func lock(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another bench process is downloading it")
		}
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// isFull tells a full disk.
func isFull(err error) bool {
	var room *noRoomError
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.As(err, &room)
}

// free is what a folder's disk has left, in bytes; false where it cannot be told.
func free(folder string) (int64, bool) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return 0, false
	}
	return int64(disk.Bavail) * int64(disk.Bsize), true
}
