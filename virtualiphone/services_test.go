package virtualiphone_test

import (
	"bytes"
	"strings"
	"testing"

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
	if err := frames.Send(request); err != nil {
		t.Fatal(err)
	}
	answer, err := frames.Receive()
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// mountImage sends an image as a host does, and returns the answer to the request to mount it.
func mountImage(t *testing.T, host hosttest.Host, phone *virtualiphone.Phone, change func(map[string]any)) plistio.Dict {
	t.Helper()
	conn, err := host.Service(phone.UDID(), mounter.Service)
	if err != nil {
		t.Fatal(err)
	}
	frames := plistio.New(conn)
	image, signature := bytes.Repeat([]byte("image"), 20000), []byte("signature")
	answer := ask(t, frames, map[string]any{"Command": "ReceiveBytes", "ImageType": "Personalized", "ImageSize": len(image), "ImageSignature": signature})
	if answer.String("Status") != "ReceiveBytesAck" {
		return answer
	}
	if _, err := conn.Write(image); err != nil {
		t.Fatal(err)
	}
	if answer, err := frames.Receive(); err != nil || answer.String("Status") != "Complete" {
		t.Fatalf("upload: %v, %v", answer, err)
	}
	request := map[string]any{"Command": "MountImage", "ImageType": "Personalized", "ImageSignature": signature, "ImageTrustCache": []byte("cache")}
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
		if !ok {
			t.Fatalf("lookup: %v", answer)
		}
		return len(list)
	}
	if n := lookup(); n != 0 {
		t.Errorf("%d images before any was mounted", n)
	}
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
		if got := mountImage(t, host, phone, c.change).String("Error"); got != c.want {
			t.Errorf("%s: %q, want %s", name, got, c.want)
		}
		phone.SetDeveloperMode(true)
	}
	if phone.ImageMounted() {
		t.Fatal("a refused image is mounted")
	}
	if answer := mountImage(t, host, phone, nil); answer.String("Status") != "Complete" {
		t.Fatalf("mount: %v", answer)
	}
	if !phone.ImageMounted() || lookup() != 1 {
		t.Error("the image does not count as mounted")
	}
	if got := mountImage(t, host, phone, nil).String("Error"); got != "ImageMountFailed" {
		t.Errorf("mounted twice: %q", got)
	}
	if answer := ask(t, frames, map[string]any{"Command": "UnmountImage", "MountPath": "/System/Developer"}); answer.String("Status") != "Complete" || phone.ImageMounted() {
		t.Errorf("unmount: %v, mounted: %v", answer, phone.ImageMounted())
	}
}

func TestPersonalizationQueries(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	frames := host.Frames(phone.UDID(), mounter.Service)
	ids := ask(t, frames, map[string]any{"Command": "QueryPersonalizationIdentifiers"}).Dict("PersonalizationIdentifiers")
	if ids.Uint("ChipID") != 0x8120 || ids.Uint("BoardId") == 0 || ids.Uint("SecurityDomain") != 1 {
		t.Errorf("identifiers: %v", ids)
	}
	first := ask(t, frames, map[string]any{"Command": "QueryNonce"}).Bytes("PersonalizationNonce")
	ask(t, frames, map[string]any{"Command": "RollPersonalizationNonce"})
	second := ask(t, frames, map[string]any{"Command": "QueryNonce"}).Bytes("PersonalizationNonce")
	if len(first) != 32 || bytes.Equal(first, second) {
		t.Errorf("nonces: %x, then %x", first, second)
	}
	if got := ask(t, frames, map[string]any{"Command": "QueryPersonalizationManifest", "ImageSignature": []byte("x")}).String("Error"); got != "MissingManifestError" {
		t.Errorf("manifest of an unknown image: %q", got)
	}
	if got := ask(t, frames, map[string]any{"Command": "QueryDeveloperModeStatus"}); !got.Bool("DeveloperModeStatus") {
		t.Errorf("developer mode: %v", got)
	}
	if got := ask(t, frames, map[string]any{"Command": "CopyDevices"}); len(got["EntryList"].([]any)) != 1 {
		t.Errorf("mounted devices: %v", got)
	}
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
		if err := frames.Send(request); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(command, name string) {
		t.Helper()
		if got, err := frames.Receive(); err != nil || got.String("Command") != command || got.String("Name") != name {
			t.Errorf("got %v, %v; want %s %s", got, err, command, name)
		}
	}
	expect("RelayNotification", "own")
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
	expect("RelayNotification", "com.apple.mobile.application_installed")
	if err := frames.Send(map[string]any{"Command": "Shutdown"}); err != nil {
		t.Fatal(err)
	}
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
		if entry.Uint("Voltage") < 3000 || !entry.Dict("PowerTelemetryData").Has("AccumulatedSystemLoad") {
			t.Errorf("battery %s: %v", name, entry)
		}
	}
	if got := ask(t, frames, map[string]any{"Request": "IORegistry", "EntryName": "Nothing"}); got.String("Status") != "Success" || got.Dict("Diagnostics").Has("IORegistry") {
		t.Errorf("an entry that is not there: %v", got)
	}
	gestalt := ask(t, frames, map[string]any{"Request": "MobileGestalt", "MobileGestaltKeys": []string{"ProductType"}}).Dict("Diagnostics").Dict("MobileGestalt")
	if gestalt.String("Status") != "MobileGestaltDeprecated" {
		t.Errorf("gestalt on iOS 18: %v", gestalt)
	}
	if err := phone.SetFault(faults.Fault{Service: diagnostics.Service, Kind: faults.Reply, Error: "Failure", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, frames, map[string]any{"Request": "All"}); got.String("Status") != "Failure" {
		t.Errorf("scripted: %v", got)
	}
	if got := ask(t, frames, map[string]any{"Request": "Nonsense"}); got.String("Status") != "UnknownRequest" {
		t.Errorf("nonsense: %v", got)
	}
	if got := ask(t, frames, map[string]any{"Request": "Goodbye"}); got.String("Status") != "Success" {
		t.Errorf("goodbye: %v", got)
	}
	if _, err := frames.Receive(); err == nil {
		t.Error("the relay goes on after goodbye")
	}
}

func TestInstallationProxy(t *testing.T) {
	lab, host := newLab(t)
	phone := addPhone(t, lab, virtualiphone.PhoneOptions{})
	install(t, host, phone, hosttest.IPA(t, hosttest.App{BundleID: bundle}))
	frames := host.Frames(phone.UDID(), apps.ProxyService)
	browse := func(kind string) []string {
		t.Helper()
		if err := frames.Send(map[string]any{"Command": "Browse", "ClientOptions": map[string]any{"ApplicationType": kind, "ReturnAttributes": []string{"CFBundleIdentifier", "Path"}}}); err != nil {
			t.Fatal(err)
		}
		var ids []string
		for {
			answer, err := frames.Receive()
			if err != nil {
				t.Fatal(err)
			}
			list, _ := answer["CurrentList"].([]any)
			for _, item := range list {
				entry := plistio.Dict(item.(map[string]any))
				if len(entry) != 2 {
					t.Errorf("asked for two attributes, got %v", entry)
				}
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
		if got := strings.Join(browse(kind), " "); got != want {
			t.Errorf("browse %s = %q, want %q", kind, got, want)
		}
	}
	found := ask(t, frames, map[string]any{"Command": "Lookup", "ClientOptions": map[string]any{"BundleIDs": []string{bundle, "org.nowhere"}}}).Dict("LookupResult")
	if len(found) != 1 || found.Dict(bundle).String("CFBundleShortVersionString") != "1.0" {
		t.Errorf("lookup: %v", found)
	}
	if got := ask(t, frames, map[string]any{"Command": "Nonsense"}).String("Error"); got != "UnknownCommand" {
		t.Errorf("nonsense: %q", got)
	}
	missing := ask(t, frames, map[string]any{"Command": "Install", "PackagePath": "PublicStaging/none.ipa"})
	for missing.String("Status") != "" {
		next, err := frames.Receive()
		if err != nil {
			t.Fatal(err)
		}
		missing = next
	}
	if missing.String("Error") != "MissingPackagePath" {
		t.Errorf("a package that is not there: %v", missing)
	}
	if err := phone.SetFault(faults.Fault{Service: apps.ProxyService, Kind: faults.Reply, Error: "ApplicationVerificationFailed", Times: 1}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, frames, map[string]any{"Command": "Browse"}).String("Error"); got != "ApplicationVerificationFailed" {
		t.Errorf("scripted: %q", got)
	}
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
		if got := ask(t, frames, map[string]any{"Command": c.command, "Identifier": c.id}); got.String("Error") != c.want {
			t.Errorf("%s %s: %v, want error %q", c.command, c.id, got, c.want)
		}
	}
}
