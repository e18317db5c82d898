package virtualiphone_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
)

// TestAppiumIOSDevice runs an independent JavaScript client: devices, properties, files, installation, containers. NODE
// names the interpreter if it is not on the path.
func TestAppiumIOSDevice(t *testing.T) {
	const folder = "testdata/node"
	node := os.Getenv("NODE")
	if node == "" {
		node = "node"
	}
	path, err := exec.LookPath(node)
	if err != nil {
		t.Skip("node is not installed: appium-ios-device is not checked here")
	}
	if _, err = os.Stat(filepath.Join(folder, "node_modules/appium-ios-device")); err != nil {
		t.Skipf("appium-ios-device is not installed: it is not checked here (npm ci in %s)", folder)
	}
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	ipa := filepath.Join(t.TempDir(), "demo.ipa")
	require.NoError(t, os.WriteFile(ipa, hosttest.IPA(t, hosttest.App{BundleID: bundle}), 0o644))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, path, "check.cjs", phone.UDID(), bundle, ipa)
	command.Dir = folder
	command.Env = append(os.Environ(), "USBMUXD_SOCKET_ADDRESS="+host.Addr)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "appium-ios-device: %v\n%s", err, out)
	assert.Contains(t, string(out), "all checks passed", "appium-ios-device")
}
