package virtualiphone_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/apps"
	"github.com/lilims/bench/virtualiphone/internal/diagnostics"
	"github.com/lilims/bench/virtualiphone/internal/hosttest"
	"github.com/lilims/bench/virtualiphone/internal/mounter"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

func ask(t *testing.T, frames *plistio.Conn, request map[string]any) plistio.Dict {
	t.Helper()
	require.NoError(t, frames.Send(request))
	answer, err := frames.Receive()
	require.NoError(t, err)
	return answer
}

// mountImage sends an image as a host does, and returns the answer to the request to mount it.
func mountImage(t *testing.T, host hosttest.Host, phone *virtualiphone.Phone, change func(map[string]any)) plistio.Dict {
	t.Helper()
	conn, err := host.Service(phone.UDID(), mounter.Service)
	require.NoError(t, err)
	frames := plistio.New(conn)
	image, signature := bytes.Repeat([]byte("image"), 20000), []byte("signature")
	answer := ask(t, frames, map[string]any{
		"Command": "ReceiveBytes", "ImageType": "Personalized", "ImageSize": len(image), "ImageSignature": signature,
	})
	if answer.String("Status") != "ReceiveBytesAck" {
		return answer
	}
	_, err = conn.Write(image)
	require.NoError(t, err)
	answer, err = frames.Receive()
	require.NoError(t, err, "upload")
	require.Equal(t, "Complete", answer.String("Status"), "upload")
	request := map[string]any{
		"Command": "MountImage", "ImageType": "Personalized", "ImageSignature": signature, "ImageTrustCache": []byte("cache"),
	}
	if change != nil {
		change(request)
	}
	return ask(t, frames, request)
}

func TestDeveloperImage(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{WithoutImage: true})
	frames := host.Frames(phone.UDID(), mounter.Service)
	lookup := func() int {
		t.Helper()
		answer := ask(t, frames, map[string]any{"Command": "LookupImage", "ImageType": "Personalized"})
		list, ok := answer["ImageSignature"].([]any)
		require.True(t, ok, "lookup: %v", answer)
		return len(list)
	}
	assert.Equal(t, 0, lookup(), "images before any was mounted")
	refusals := map[string]struct {
		prepare func()
		change  func(map[string]any)
		want    string
	}{
		"developer mode off":  {func() { phone.SetDeveloperMode(false) }, nil, "DeveloperModeDisabled"},
		"another signature":   {nil, func(r map[string]any) { r["ImageSignature"] = []byte("other") }, "ImageVerificationFailed"},
		"no trust cache":      {nil, func(r map[string]any) { delete(r, "ImageTrustCache") }, "MissingTrustCache"},
		"an image for iOS 16": {nil, func(r map[string]any) { r["ImageType"] = "Developer" }, "InvalidImageType"},
	}
	for name, c := range refusals {
		if c.prepare != nil {
			c.prepare()
		}
		assert.Equal(t, c.want, mountImage(t, host, phone, c.change).String("Error"), "%s", name)
		phone.SetDeveloperMode(true)
	}
	require.False(t, phone.ImageMounted(), "a refused image is mounted")
	require.Equal(t, "Complete", mountImage(t, host, phone, nil).String("Status"), "mount")
	assert.True(t, phone.ImageMounted(), "the image does not count as mounted")
	assert.Equal(t, 1, lookup(), "the image does not count as mounted")
	assert.Equal(t, "ImageMountFailed", mountImage(t, host, phone, nil).String("Error"), "mounted twice")
	answer := ask(t, frames, map[string]any{"Command": "UnmountImage", "MountPath": "/System/Developer"})
	assert.Equal(t, "Complete", answer.String("Status"), "unmount: %v, mounted: %v", answer, phone.ImageMounted())
	assert.False(t, phone.ImageMounted(), "unmount: %v, mounted: %v", answer, phone.ImageMounted())
}

func TestPersonalizationQueries(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	frames := host.Frames(phone.UDID(), mounter.Service)
	ids := ask(t, frames, map[string]any{"Command": "QueryPersonalizationIdentifiers"}).Dict("PersonalizationIdentifiers")
	assert.Equal(t, uint64(0x8120), ids.Uint("ChipID"), "identifiers")
	assert.NotEqual(t, uint64(0), ids.Uint("BoardId"), "identifiers")
	assert.Equal(t, uint64(1), ids.Uint("SecurityDomain"), "identifiers")
	first := ask(t, frames, map[string]any{"Command": "QueryNonce"}).Bytes("PersonalizationNonce")
	ask(t, frames, map[string]any{"Command": "RollPersonalizationNonce"})
	second := ask(t, frames, map[string]any{"Command": "QueryNonce"}).Bytes("PersonalizationNonce")
	assert.Len(t, first, 32, "nonces: %x, then %x", first, second)
	assert.False(t, bytes.Equal(first, second), "nonces: %x, then %x", first, second)
	got := ask(t, frames, map[string]any{"Command": "QueryPersonalizationManifest", "ImageSignature": []byte("x")}).String("Error")
	assert.Equal(t, "MissingManifestError", got, "manifest of an unknown image")
	got2 := ask(t, frames, map[string]any{"Command": "QueryDeveloperModeStatus"})
	assert.True(t, got2.Bool("DeveloperModeStatus"), "developer mode: %v", got2)
	assert.Len(t, ask(t, frames, map[string]any{"Command": "CopyDevices"})["EntryList"].([]any), 1, "mounted devices")
}

func TestNotifications(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	frames := host.Frames(phone.UDID(), "com.apple.mobile.notification_proxy")
	for _, request := range []map[string]any{
		{"Command": "ObserveNotification", "Name": "com.apple.mobile.application_installed"},
		{"Command": "ObserveNotification", "Name": "own"},
		{"Command": "PostNotification", "Name": "not observed"},
		{"Command": "PostNotification", "Name": "own"},
	} {
		require.NoError(t, frames.Send(request))
	}
	expect := func(command, name string) {
		t.Helper()
		got, err := frames.Receive()
		require.NoError(t, err)
		assert.Equal(t, command, got.String("Command"))
		assert.Equal(t, name, got.String("Name"))
	}
	expect("RelayNotification", "own")
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
	expect("RelayNotification", "com.apple.mobile.application_installed")
	require.NoError(t, frames.Send(map[string]any{"Command": "Shutdown"}))
	expect("ProxyDeath", "")
}

func TestDiagnostics(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	frames := host.Frames(phone.UDID(), diagnostics.Service)
	for name, request := range map[string]map[string]any{
		"by name":  {"Request": "IORegistry", "EntryName": "AppleSmartBattery"},
		"by class": {"Request": "IORegistry", "EntryClass": "IOPMPowerSource"},
	} {
		entry := ask(t, frames, request).Dict("Diagnostics").Dict("IORegistry")
		assert.GreaterOrEqual(t, entry.Uint("Voltage"), uint64(3000), "battery %s", name)
		assert.True(t, entry.Dict("PowerTelemetryData").Has("AccumulatedSystemLoad"), "battery %s", name)
	}
	got := ask(t, frames, map[string]any{"Request": "IORegistry", "EntryName": "Nothing"})
	assert.Equal(t, "Success", got.String("Status"), "an entry that is not there")
	assert.False(t, got.Dict("Diagnostics").Has("IORegistry"), "an entry that is not there")
	gestalt := ask(t, frames, map[string]any{
		"Request": "MobileGestalt", "MobileGestaltKeys": []string{"ProductType"},
	}).Dict("Diagnostics").Dict("MobileGestalt")
	assert.Equal(t, "MobileGestaltDeprecated", gestalt.String("Status"), "gestalt on iOS 18")
	require.NoError(t, phone.SetFault(faults.Fault{Service: diagnostics.Service, Kind: faults.Reply, Error: "Failure", Times: 1}))
	assert.Equal(t, "Failure", ask(t, frames, map[string]any{"Request": "All"}).String("Status"), "scripted")
	assert.Equal(t, "UnknownRequest", ask(t, frames, map[string]any{"Request": "Nonsense"}).String("Status"), "nonsense")
	assert.Equal(t, "Success", ask(t, frames, map[string]any{"Request": "Goodbye"}).String("Status"), "goodbye")
	_, err := frames.Receive()
	require.Error(t, err, "the relay goes on after goodbye")
}

func TestInstallationProxy(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
	frames := host.Frames(phone.UDID(), apps.ProxyService)
	browse := func(kind string) []string {
		t.Helper()
		err := frames.Send(map[string]any{"Command": "Browse", "ClientOptions": map[string]any{
			"ApplicationType": kind, "ReturnAttributes": []string{"CFBundleIdentifier", "Path"},
		}})
		require.NoError(t, err)
		var ids []string
		for {
			answer, err := frames.Receive()
			require.NoError(t, err)
			list, _ := answer["CurrentList"].([]any)
			for _, item := range list {
				entry := plistio.Dict(item.(map[string]any))
				assert.Len(t, entry, 2, "asked for two attributes, got")
				ids = append(ids, entry.String("CFBundleIdentifier"))
			}
			if answer.String("Status") == "Complete" {
				return ids
			}
		}
	}
	for kind, want := range map[string]string{
		"User": bundle, "System": "com.apple.Preferences com.apple.mobilesafari", "Any": bundle + " com.apple.Preferences com.apple.mobilesafari",
	} {
		assert.Equal(t, want, strings.Join(browse(kind), " "), "browse %s", kind)
	}
	found := ask(t, frames, map[string]any{
		"Command": "Lookup", "ClientOptions": map[string]any{"BundleIDs": []string{bundle, "org.nowhere"}},
	}).Dict("LookupResult")
	assert.Len(t, found, 1, "lookup")
	assert.Equal(t, "1.0", found.Dict(bundle).String("CFBundleShortVersionString"), "lookup")
	assert.Equal(t, "UnknownCommand", ask(t, frames, map[string]any{"Command": "Nonsense"}).String("Error"), "nonsense")
	missing := ask(t, frames, map[string]any{"Command": "Install", "PackagePath": "PublicStaging/none.ipa"})
	for missing.String("Status") != "" {
		next, err := frames.Receive()
		require.NoError(t, err)
		missing = next
	}
	assert.Equal(t, "MissingPackagePath", missing.String("Error"), "a package that is not there")
	err := phone.SetFault(faults.Fault{Service: apps.ProxyService, Kind: faults.Reply, Error: "ApplicationVerificationFailed", Times: 1})
	require.NoError(t, err)
	assert.Equal(t, "ApplicationVerificationFailed", ask(t, frames, map[string]any{"Command": "Browse"}).String("Error"), "scripted")
}

func TestHouseArrest(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle, Info: map[string]any{"UIFileSharingEnabled": false}}))
	cases := []struct{ command, id, want string }{
		{"VendContainer", "org.nowhere", "ApplicationLookupFailed"},
		{"VendDocuments", bundle, "InstallationLookupFailed"},
		{"VendEverything", bundle, "InvalidCommand"},
		{"VendContainer", bundle, ""},
	}
	frames := host.Frames(phone.UDID(), apps.ArrestService)
	for _, c := range cases { // on one connection: a refusal leaves it usable
		assert.Equal(t, c.want, ask(t, frames, map[string]any{"Command": c.command, "Identifier": c.id}).String("Error"),
			"%s %s", c.command, c.id)
	}
}
