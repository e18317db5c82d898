// Package mounter is the virtual iPhone's image mounter: it takes a developer image, counts it as mounted, and answers
// what a host must know to have one signed for this phone. In come an image and its signature, out goes a state. The
// image is measured and thrown away: what it would bring is built into the virtual phone.
package mounter

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/lilims/bench/virtualiphone/faults"
	"github.com/lilims/bench/virtualiphone/internal/plistio"
)

// Service is the mounter's name.
const Service = "com.apple.mobile.mobile_image_mounter"

// maxImage bounds an image, in bytes; real ones have 10 to 30 MB.
const maxImage = 1 << 30

// Kinds of image: up to iOS 16 signed once for all phones, from iOS 17 for one phone at a time.
const (
	KindDeveloper    = "Developer"
	KindPersonalized = "Personalized"
)

// Identity is what a signing server needs of the phone.
type Identity struct {
	BoardID, ChipID, ECID uint64
	OSLongVersion         string
}

// Mounter is one phone's image state. It is safe for concurrent use.
type Mounter struct {
	kind     string // the kind that this phone's iOS takes
	identity Identity
	devMode  func() bool
	script   *faults.Script

	mu        sync.Mutex
	mounted   bool
	signature []byte
	nonce     []byte
	received  map[string][sha512.Size384]byte // signature -> digest of the image that came with it
}

// New returns the mounter of a phone whose iOS has that major version.
func New(major int, identity Identity, developerMode func() bool, script *faults.Script) *Mounter {
	m := &Mounter{
		kind: KindDeveloper, identity: identity, devMode: developerMode, script: script, nonce: make([]byte, 32),
		received: map[string][sha512.Size384]byte{},
	}
	if major >= 17 {
		m.kind = KindPersonalized
	}
	rand.Read(m.nonce) // does not fail: the runtime ends the program first
	return m
}

// Mounted reports whether a developer image counts as mounted.
func (m *Mounter) Mounted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mounted
}

// Set mounts or unmounts without an image, as a switch for tests and scripts.
func (m *Mounter) Set(mounted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mounted, m.signature = mounted, nil
	if mounted {
		m.signature = []byte("virtual developer image")
	}
}

// path is where the phone mounts the image.
func (m *Mounter) path() string {
	if m.kind == KindPersonalized {
		return "/System/Developer"
	}
	return "/Developer"
}

// Serve answers requests until the host hangs up.
func (m *Mounter) Serve(_ context.Context, conn net.Conn) error {
	frames := plistio.New(conn)
	return frames.Serve(func(request plistio.Dict) error {
		if f, hit := m.script.Take(Service, faults.Reply); hit {
			return frames.Send(map[string]any{"Error": f.Error})
		}
		if request.String("Command") == "ReceiveBytes" {
			return m.receive(conn, frames, request)
		}
		if err := frames.Send(m.answer(request)); err != nil {
			return err
		}
		if request.String("Command") == "Hangup" {
			return plistio.ErrDone
		}
		return nil
	})
}

func (m *Mounter) answer(request plistio.Dict) map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch request.String("Command") {
	case "LookupImage":
		return m.lookup(request)
	case "CopyDevices":
		return map[string]any{"EntryList": m.entries(), "Status": "Complete"}
	case "MountImage":
		return m.mount(request)
	case "UnmountImage":
		return m.unmount(request)
	case "QueryDeveloperModeStatus":
		return map[string]any{"DeveloperModeStatus": m.devMode(), "Status": "Complete"}
	case "QueryPersonalizationIdentifiers":
		return map[string]any{"PersonalizationIdentifiers": m.identifiers(), "Status": "Complete"}
	case "QueryNonce":
		return map[string]any{"PersonalizationNonce": m.nonce, "Status": "Complete"}
	case "QueryPersonalizationManifest":
		return m.manifest(request)
	case "RollPersonalizationNonce":
		rand.Read(m.nonce)
		return map[string]any{"Status": "Complete"}
	case "Hangup":
		return map[string]any{"Goodbye": true}
	default:
		return failed("UnknownCommand", "unknown command "+request.String("Command"))
	}
}

func failed(code, detail string) map[string]any {
	return map[string]any{"Error": code, "DetailedError": detail}
}

// lookup tells whether an image of that kind is mounted, and by which signature.
func (m *Mounter) lookup(request plistio.Dict) map[string]any {
	signatures := []any{}
	if m.mounted && request.String("ImageType") == m.kind {
		signatures = append(signatures, m.signature)
	}
	return map[string]any{"Status": "Complete", "ImagePresent": len(signatures) > 0, "ImageSignature": signatures}
}

func (m *Mounter) entries() []any {
	if !m.mounted {
		return []any{}
	}
	return []any{map[string]any{
		"DiskImageType": m.kind, "PersonalizedImageType": "DeveloperDiskImage", "ImageSignature": m.signature, "IsMounted": true,
		"MountPath": m.path(), "DeviceNode": "/dev/disk2s1", "DeviceType": "DiskImage", "FilesystemType": "hfs", "IsReadOnly": true,
	}}
}

// receive takes an image's bytes and remembers their digest under the signature, so that only an image which has
// arrived can be mounted.
func (m *Mounter) receive(conn net.Conn, frames *plistio.Conn, request plistio.Dict) error {
	size := request.Uint("ImageSize")
	signature := request.Bytes("ImageSignature")
	if size == 0 || size > maxImage {
		return frames.Send(failed("InvalidArguments", fmt.Sprintf("image of %d bytes", size)))
	}
	if kind := request.String("ImageType"); kind != m.kind {
		return frames.Send(failed("InvalidImageType", fmt.Sprintf("this phone takes a %s image, not %q", m.kind, kind)))
	}
	if err := frames.Send(map[string]any{"Status": "ReceiveBytesAck"}); err != nil {
		return err
	}
	digest := sha512.New384()
	if _, err := io.CopyN(digest, conn, int64(size)); err != nil {
		return err
	}
	m.mu.Lock()
	const maxReceived = 16
	if len(m.received) >= maxReceived {
		clear(m.received)
	}
	m.received[string(signature)] = [sha512.Size384]byte(digest.Sum(nil))
	m.mu.Unlock()
	return frames.Send(map[string]any{"Status": "Complete"})
}

// mount checks what a phone checks first: developer mode, the kind of image, and that an image with that signature has
// arrived. The caller holds mu.
func (m *Mounter) mount(request plistio.Dict) map[string]any {
	signature := request.Bytes("ImageSignature")
	_, arrived := m.received[string(signature)]
	switch {
	case m.mounted:
		return failed("ImageMountFailed", "a developer image is already mounted at "+m.path())
	case request.String("ImageType") != m.kind:
		return failed("InvalidImageType", "this phone takes a "+m.kind+" image")
	case !m.devMode():
		return failed("DeveloperModeDisabled", "developer mode is not enabled on this phone")
	case len(signature) == 0 || !arrived:
		return failed("ImageVerificationFailed", "no image with that signature has arrived")
	case m.kind == KindPersonalized && len(request.Bytes("ImageTrustCache")) == 0:
		return failed("MissingTrustCache", "a personalised image comes with a trust cache")
	}
	m.mounted, m.signature = true, signature
	return map[string]any{"Status": "Complete"}
}

func (m *Mounter) unmount(request plistio.Dict) map[string]any {
	if !m.mounted || request.String("MountPath") != m.path() {
		return failed("NotMounted", "nothing is mounted at "+request.String("MountPath"))
	}
	m.mounted, m.signature = false, nil
	return map[string]any{"Status": "Complete"}
}

// identifiers are what Apple's signing server asks for.
func (m *Mounter) identifiers() map[string]any {
	return map[string]any{
		"BoardId": m.identity.BoardID, "ChipID": m.identity.ChipID, "SecurityDomain": uint64(1), "UniqueChipID": m.identity.ECID,
		"ApProductionMode": true, "ApSecurityMode": true,
		"Ap,OSLongVersion": m.identity.OSLongVersion, "Ap,Target": "virtual", "Ap,SDKPlatform": "iphoneos",
	}
}

// manifest returns the signature of an image that the phone has already, by its digest.
func (m *Mounter) manifest(request plistio.Dict) map[string]any {
	wanted := request.Bytes("ImageSignature")
	for signature, digest := range m.received {
		if string(digest[:]) == string(wanted) {
			return map[string]any{"Status": "Complete", "ImageSignature": []byte(signature)}
		}
	}
	return failed("MissingManifestError", "the phone has no manifest for that image")
}
