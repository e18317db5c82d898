package owner

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/harness"
)

func TestFolderIsForAllUsers(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	folder := leases(t)
	r, _, _ := newRunner(t, folder)
	require.NoError(t, open(t, r))
	info, err := os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|os.ModeSticky|0o777, info.Mode())
	file, err := os.Stat(filepath.Join(folder, phone.UDID+".lock"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o666), file.Mode())
}

// TestFolderWithoutStickyBit: anybody could replace the leases of others in it.
func TestFolderWithoutStickyBit(t *testing.T) {
	folder := leases(t)
	require.NoError(t, os.Mkdir(folder, 0o777))
	require.NoError(t, os.Chmod(folder, 0o777))
	r, _, _ := newRunner(t, folder)
	require.NoError(t, open(t, r), "one's own is mended")
	info, err := os.Stat(folder)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSticky)
}

func TestFolderOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away")
	}
	const nobody = 65534
	folder := leases(t)
	require.NoError(t, os.Mkdir(folder, 0o777))
	require.NoError(t, os.Chown(folder, nobody, nobody))
	r, p, _ := newRunner(t, folder)
	for _, mode := range []os.FileMode{0o755, 0o777, 0o700} {
		require.NoError(t, os.Chmod(folder, mode))
		err := open(t, r)
		require.ErrorContains(t, err, "it belongs to user 65534 and has mode")
		assert.Equal(t, harness.KindStorage, harness.KindOf(err))
		assert.Contains(t, harness.HintOf(err), "chmod 1777 "+folder)
	}
	assert.Zero(t, p.opened)
	require.NoError(t, os.Chmod(folder, os.ModeSticky|0o777))
	assert.NoError(t, open(t, r), "whoever came first has made it")
}

// TestWhatIsNoLease: nobody is led to another file.
func TestWhatIsNoLease(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(victim, path string) error
		says string
	}{
		"symbolic link":      {os.Symlink, "it is a symbolic link"},
		"link to nothing":    {func(_, path string) error { return os.Symlink("nothing", path) }, "it is a symbolic link"},
		"second name":        {os.Link, "it has a second name"},
		"named pipe":         {func(_, path string) error { return syscall.Mkfifo(path, 0o666) }, "it is no regular file"},
		"folder of its name": {func(_, path string) error { return os.Mkdir(path, 0o777) }, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := leases(t)
			require.NoError(t, os.Mkdir(folder, 0o777))
			victim := filepath.Join(filepath.Dir(folder), "victim")
			require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
			require.NoError(t, c.put(victim, filepath.Join(folder, phone.UDID+".lock")))
			r, p, _ := newRunner(t, folder)
			err := open(t, r)
			require.ErrorContains(t, err, c.says)
			assert.Equal(t, harness.KindStorage, harness.KindOf(err))
			assert.Zero(t, p.opened)
			_, held := r.Holder(phone)
			assert.False(t, held)
			text, err := os.ReadFile(victim)
			require.NoError(t, err)
			assert.Equal(t, "precious", string(text))
			assert.NoFileExists(t, filepath.Join(folder, "nothing"))
		})
	}
	t.Run("folder", func(t *testing.T) {
		folder := leases(t)
		require.NoError(t, os.Symlink(t.TempDir(), folder))
		r, _, _ := newRunner(t, folder)
		assert.ErrorContains(t, open(t, r), "it is no folder that can be opened")
	})
}

// TestFileOf: a device that makes up its UDID names no file elsewhere.
func TestFileOf(t *testing.T) {
	r := New(Options{})
	assert.Equal(t, phone.UDID+".lock", r.fileOf(phone))
	for _, udid := range []string{"../../etc/passwd", "", "a/b", "x\x00y"} {
		assert.Regexp(t, `^[0-9a-f]{16}\.lock$`, r.fileOf(harness.Device{UDID: udid}), "%q", udid)
	}
}
