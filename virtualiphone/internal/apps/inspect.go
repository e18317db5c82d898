package apps

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// maxInfo bounds an Info.plist, in bytes.
const maxInfo = 2 << 20

// inspect reads a .app folder and checks that this host can run it.
func inspect(folder string) (App, error) {
	info, err := readInfo(filepath.Join(folder, "Info.plist"))
	if err != nil {
		return App{}, err
	}
	app := App{
		BundleID:    info.String("CFBundleIdentifier"),
		Version:     info.String("CFBundleShortVersionString"),
		Build:       info.String("CFBundleVersion"),
		Executable:  info.String("CFBundleExecutable"),
		Folder:      filepath.Base(folder),
		Info:        info,
		FileSharing: info.Bool("UIFileSharingEnabled"),
		bundle:      folder,
	}
	app.Name = strings.TrimSuffix(app.Folder, ".app")
	for _, key := range []string{"CFBundleName", "CFBundleDisplayName"} {
		if name := info.String(key); name != "" {
			app.Name = name
		}
	}
	if app.BundleID == "" || strings.ContainsAny(app.BundleID, "/\\\x00") {
		return App{}, fail(inspectionFailed, "%s: Info.plist has no usable CFBundleIdentifier", app.Folder)
	}
	if app.Executable == "" || app.Executable != filepath.Base(app.Executable) || app.Executable == ".." {
		return App{}, fail(inspectionFailed, "%s: Info.plist has no usable CFBundleExecutable", app.Folder)
	}
	return app, runnable(app.Program())
}

func readInfo(path string) (plistio.Dict, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fail(inspectionFailed, "the bundle has no Info.plist")
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxInfo))
	if err != nil {
		return nil, err
	}
	info, err := plistio.Decode(text)
	if err != nil {
		return nil, fail(inspectionFailed, "Info.plist: %v", err)
	}
	return info, nil
}

// runnable says why an executable cannot run on this host. A real phone refuses an app for another platform with the
// same error, at the same moment.
func runnable(path string) error {
	name := filepath.Base(path)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return fail(verificationFailed, "the bundle's executable %s is missing", name)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	stat, err := file.Stat()
	if err != nil || !stat.Mode().IsRegular() {
		return fail(verificationFailed, "the bundle's executable %s is no file", name)
	}
	head := make([]byte, 20)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(verificationFailed, "the bundle's executable %s is empty", name)
	}
	head = head[:n]
	host := runtime.GOOS + "/" + runtime.GOARCH
	switch {
	case bytes.HasPrefix(head, []byte("#!")):
		return nil
	case isMachO(head) && runtime.GOOS != "darwin":
		return fail(verificationFailed, "%s is a Mach-O executable for an Apple platform; "+
			"a virtual iPhone runs executables of its host (%s). Install the build for the virtual iPhone", name, host)
	case isMachO(head):
		return nil
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return runnableELF(file, name, host)
	}
	return fail(verificationFailed, "%s is no executable of this host (%s): it begins with % x", name, host, head[:min(4, n)])
}

// isMachO knows thin and universal Mach-O files of both byte orders.
func isMachO(head []byte) bool {
	for _, magic := range []string{
		"\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xfe\xed\xfa\xcf", "\xfe\xed\xfa\xce", "\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf",
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

func runnableELF(file io.ReaderAt, name, host string) error {
	parsed, err := elf.NewFile(file)
	if err != nil {
		return fail(verificationFailed, "%s is a damaged ELF file: %v", name, err)
	}
	want := map[string]elf.Machine{
		"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM, "riscv64": elf.EM_RISCV,
	}[runtime.GOARCH]
	if parsed.Machine != want {
		return fail(verificationFailed, "%s is an ELF executable for %v; this host is %s", name, parsed.Machine, host)
	}
	if runtime.GOOS == "darwin" {
		return fail(verificationFailed, "%s is an ELF executable; this host is %s", name, host)
	}
	return nil
}
