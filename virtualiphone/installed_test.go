package virtualiphone_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	packer "github.com/lilims/bench/virtualiphone/bundle"
	"github.com/lilims/bench/virtualiphone/process"
)

// TestAPhoneWithoutAHost: a test puts an app on the phone, starts it and reads what it printed, with no client in between.
func TestAPhoneWithoutAHost(t *testing.T) {
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	defer func() { assert.NoError(t, lab.Close()) }()
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Detached: true})

	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho hello from the phone\nexit 3\n"), 0o755))
	var ipa bytes.Buffer
	require.NoError(t, packer.Pack(&ipa, packer.App{Executable: program, Name: "Demo", BundleID: "com.example.demo", Version: "1.2"}))
	require.NoError(t, phone.Install(t.Context(), bytes.NewReader(ipa.Bytes()), int64(ipa.Len())))
	apps := phone.Apps()
	require.Len(t, apps, 1)
	assert.Equal(t, "com.example.demo 1.2", apps[0].BundleID+" "+apps[0].Version)

	info, err := phone.Processes().Launch(t.Context(), process.Spec{BundleID: "com.example.demo"})
	require.NoError(t, err)
	assert.Equal(t, process.Exit{Code: 3}, exitOf(t, phone, info.PID))
	assert.Contains(t, strings.Join(phone.Log(), "\n")+"\n", "<Notice>: hello from the phone\n")
}

func TestInstallRefuses(t *testing.T) {
	lab, _ := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{Name: "Lab 1"})
	err := phone.Install(t.Context(), strings.NewReader("no archive"), 10)
	var refused *virtualiphone.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, virtualiphone.KindUsage, refused.Kind)
	require.ErrorContains(t, err, "install app on Lab 1: PackageExtractionFailed")
	assert.Empty(t, phone.Apps())
}

func TestFreeDisk(t *testing.T) {
	lab, _ := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	phone.SetFreeDisk(1 << 20)
	assert.InDelta(t, 1<<20, phone.FreeDisk(), 64<<10, "the phone's own files may grow meanwhile")
}
