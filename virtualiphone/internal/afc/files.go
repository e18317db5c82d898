package afc

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/lilims/bench/virtualiphone/internal/disk"
)

// look answers the requests that only read names and properties.
func (c *connection) look(r request) error {
	if r.op == opDeviceInfo {
		return c.data(
			r, list("Model", c.Model, "FSTotalBytes", itoa(c.Disk.Total()), "FSFreeBytes", itoa(c.Disk.Free()), "FSBlockSize", itoa(disk.BlockSize)),
		)
	}
	paths, ok := r.paths(0, 1)
	if !ok {
		return c.status(r, statusBadArgument)
	}
	name, bad := c.local(paths[0])
	if bad != statusOK {
		return c.status(r, bad)
	}
	if r.op == opFileInfo {
		info, err := c.Root.Lstat(name)
		if err != nil {
			return c.status(r, code(err))
		}
		return c.data(r, c.describe(name, info))
	}
	entries, err := c.entries(name)
	if err != nil {
		return c.status(r, code(err))
	}
	return c.data(r, list(entries...))
}

// entries lists a folder as a phone does, with "." and "..".
func (c *connection) entries(name string) ([]string, error) {
	out := []string{".", ".."}
	if name == "." && c.Top != "" {
		return append(out, c.Top), nil
	}
	entries, err := fs.ReadDir(c.Root.FS(), name)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out, err
}

func (c *connection) describe(name string, info fs.FileInfo) []byte {
	kind := "S_IFREG"
	switch mode := info.Mode(); {
	case mode.IsDir():
		kind = "S_IFDIR"
	case mode&fs.ModeSymlink != 0:
		kind = "S_IFLNK"
	case mode&fs.ModeNamedPipe != 0:
		kind = "S_IFIFO"
	case mode&fs.ModeSocket != 0:
		kind = "S_IFSOCK"
	}
	links := 1
	if info.IsDir() {
		links = 2
	}
	changed := itoa(info.ModTime().UnixNano())
	texts := []string{
		"st_size", itoa(info.Size()), "st_blocks", itoa((info.Size() + 511) / 512), "st_nlink", strconv.Itoa(links),
		"st_ifmt", kind, "st_mtime", changed, "st_birthtime", changed,
	}
	if kind == "S_IFLNK" {
		if target, err := c.Root.Readlink(name); err == nil {
			texts = append(texts, "st_linktarget", target)
		}
	}
	return list(texts...)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// handleFile answers the requests on an open file other than reading and writing.
func (c *connection) handleFile(r request) error {
	args, ok := r.words(1)
	if !ok {
		return c.status(r, statusBadArgument)
	}
	file, ok := c.files[args[0]]
	if !ok {
		return c.status(r, statusBadArgument)
	}
	switch r.op {
	case opClose:
		delete(c.files, args[0])
		return c.status(r, code(file.Close()))
	case opTell:
		at, err := file.Seek(0, 1)
		if err != nil {
			return c.status(r, code(err))
		}
		_, err = c.conn.Write(answer(r.number, opTellResult, word(uint64(at)), nil))
		return err
	case opSeek:
		return c.status(r, seek(file, r))
	case opSetSize:
		return c.status(r, c.resize(file, r))
	default: // a lock: one host at a time is all there is
		return c.status(r, statusOK)
	}
}

func seek(file *os.File, r request) status {
	args, ok := r.words(3)
	if !ok || args[1] > 2 {
		return statusBadArgument
	}
	_, err := file.Seek(int64(args[2]), int(args[1]))
	return code(err)
}

func (c *connection) resize(file *os.File, r request) status {
	args, ok := r.words(2)
	if !ok || int64(args[1]) < 0 {
		return statusBadArgument
	}
	if c.ReadOnly {
		return statusDenied
	}
	info, err := file.Stat()
	if err != nil {
		return code(err)
	}
	return code(c.account(info.Size(), int64(args[1]), func() error { return file.Truncate(int64(args[1])) }))
}

// account keeps the disk's books while a file changes from one size to another.
func (c *connection) account(from, to int64, change func() error) error {
	if to > from {
		if err := c.Disk.Reserve(to - from); err != nil {
			return err
		}
	}
	if err := change(); err != nil {
		if to > from {
			c.Disk.Release(to - from)
		}
		return err
	}
	if to < from {
		c.Disk.Release(from - to)
	}
	return nil
}

// change serves the requests that alter the tree by name.
func (c *connection) change(r request) status {
	skip, count := 0, 1
	switch r.op {
	case opTruncate, opSetTime, opLink:
		skip = 8
	}
	if r.op == opRename || r.op == opLink {
		count = 2
	}
	names, ok := r.paths(skip, count)
	if !ok {
		return statusBadArgument
	}
	if r.op == opLink {
		return c.link(r, names)
	}
	for i := range names {
		name, bad := c.local(names[i])
		if bad != statusOK {
			return bad
		}
		names[i] = name
	}
	switch r.op {
	case opMakeDir:
		return code(c.Root.MkdirAll(names[0], 0o755))
	case opRename:
		return code(c.Root.Rename(names[0], names[1]))
	case opRemove, opRemoveContents:
		return c.remove(r.op, names[0])
	case opTruncate:
		return c.truncate(r, names[0])
	default:
		args, _ := r.words(1)
		at := time.Unix(0, int64(args[0]))
		return code(c.Root.Chtimes(names[0], at, at))
	}
}

// link makes a hard link (1) or a symbolic link (2). A symbolic link's target stays as the host wrote it: following it
// cannot leave the root.
func (c *connection) link(r request, names []string) status {
	args, _ := r.words(1)
	at, bad := c.local(names[1])
	if bad != statusOK {
		return bad
	}
	if args[0] == 2 {
		return code(c.Root.Symlink(names[0], at))
	}
	target, bad := c.local(names[0])
	if bad != statusOK {
		return bad
	}
	return code(c.Root.Link(target, at))
}

// remove deletes one entry, or a folder with all that is in it. The root itself and what a jail shows as its top stay.
func (c *connection) remove(op uint64, name string) status {
	if name == "." || name == c.Top {
		return statusDenied
	}
	info, err := c.Root.Lstat(name)
	if err != nil {
		return code(err)
	}
	size := info.Size()
	if info.IsDir() {
		size = c.sizeOf(name)
	}
	if op == opRemoveContents {
		err = c.Root.RemoveAll(name)
	} else {
		err = c.Root.Remove(name)
	}
	if err == nil {
		c.Disk.Release(size)
	}
	return code(err)
}

func (c *connection) sizeOf(folder string) int64 {
	var sum int64
	_ = fs.WalkDir(c.Root.FS(), folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

func (c *connection) truncate(r request, name string) status {
	args, _ := r.words(1)
	size := int64(args[0])
	info, err := c.Root.Stat(name)
	if err == nil && (size < 0 || !info.Mode().IsRegular()) {
		err = fs.ErrInvalid
	}
	if err != nil {
		return code(err)
	}
	file, err := c.Root.OpenFile(path.Clean(name), os.O_WRONLY, 0)
	if err != nil {
		return code(err)
	}
	err = c.account(info.Size(), size, func() error { return file.Truncate(size) })
	return code(errors.Join(err, file.Close()))
}
