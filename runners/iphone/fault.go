package iphone

import (
	"context"
	"errors"
	"fmt"

	"github.com/lilims/bench/harness"
	"github.com/lilims/bench/runners/iphone/internal/afc"
	"github.com/lilims/bench/runners/iphone/internal/guard"
	"github.com/lilims/bench/runners/iphone/internal/install"
	"github.com/lilims/bench/runners/iphone/internal/tether"
	"github.com/lilims/bench/runners/iphone/internal/tunnel"
)

// errOldTunnel is for the versions of iOS whose tunnel needs root and a network interface of the host.
var errOldTunnel = errors.New("iOS 17.0 to 17.4.0 opens its services only to a tunnel that needs root")

// errNoImage says that the phone offers no developer services.
var errNoImage = errors.New("no developer image is mounted")

// fail makes err an error for people, with the phone's name.
func (h *Handle) fail(op string, err error) error { return explain(op, label(h.device), err) }

// explain gives an error its kind and the next step. An error that has them already keeps them.
func explain(op, device string, err error) error {
	var known *harness.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	kind, hint := advise(err)
	return &harness.Error{Kind: kind, Op: op, Device: device, Err: err, Hint: hint}
}

func advise(err error) (harness.Kind, string) {
	var mux *tether.MuxError
	var lockdown *tether.LockdownError
	var missing *tunnel.NoService
	var refused *install.Refused
	var damaged *install.Damaged
	var source *afc.SourceError
	var panicked *guard.Panic
	switch {
	case errors.Is(err, context.Canceled):
		return harness.KindInternal, ""
	case errors.As(err, &mux):
		return harness.KindDevice, "Start usbmuxd, or name its socket in USBMUXD_SOCKET_ADDRESS."
	case errors.Is(err, tether.ErrAbsent):
		return harness.KindDevice, "Plug the phone in; `bench devices` lists what is attached."
	case errors.Is(err, tether.ErrNotPaired):
		return harness.KindDevice, "Unlock the phone, plug it in again and tap Trust."
	case errors.Is(err, errOldTunnel):
		return harness.KindDevice, "Update the phone to iOS 17.4.1 or later."
	case errors.Is(err, errNoImage), errors.As(err, &missing):
		return harness.KindDevice, "Mount the developer image: connect the phone to Xcode once, or run `ios image auto`. " +
			"Developer mode must be on."
	case errors.Is(err, afc.StatusNoSpace):
		return harness.KindStorage, "Free space on the phone: remove old models and apps."
	case errors.As(err, &source):
		return harness.KindModel, "Check that the model's folder can be read, and convert it again if not."
	case errors.As(err, &damaged):
		return harness.KindBuild, "Build the app again."
	case errors.As(err, &refused) && refused.Name == "InsufficientSpace":
		return harness.KindStorage, "Free space on the phone: remove old models and apps."
	case errors.As(err, &refused):
		return harness.KindBuild, adviseInstall(refused)
	case errors.As(err, &lockdown):
		return harness.KindDevice, adviseLockdown(lockdown)
	case errors.As(err, &panicked):
		return harness.KindInternal, "This is a mistake in the device library; run again, and report it with the log."
	case errors.Is(err, context.DeadlineExceeded):
		return harness.KindDevice, "The phone does not answer. Unplug it, plug it in again, restart it if that does not help."
	}
	return harness.KindDevice, "Check the cable, unlock the phone and try again."
}

func adviseLockdown(e *tether.LockdownError) string {
	switch e.Reason {
	case "PasswordProtected":
		return "Unlock the phone and keep it unlocked: Settings, Display, Auto-Lock, Never."
	case "PairingDialogResponsePending":
		return "Tap Trust on the phone, then run again."
	case "UserDeniedPairing":
		return "Unplug the phone, plug it in again and tap Trust."
	case "InvalidHostID", "SessionInactive":
		return "The phone has forgotten this computer. Plug it in again and tap Trust."
	case "InvalidService":
		return "The phone does not offer this service. Mount the developer image: connect it to Xcode once, or run `ios image auto`."
	}
	return "Unplug the phone, plug it in again and try again."
}

func adviseInstall(e *install.Refused) string {
	switch e.Name {
	case "ApplicationVerificationFailed":
		return "Sign the app for this phone: its UDID must be in the provisioning profile. " +
			"A virtual iPhone takes the build that `bench app pack` makes."
	case "DeviceOSVersionTooLow":
		return "Update the phone, or build the app for its version of iOS."
	case "MismatchedApplicationIdentifierEntitlement":
		return "Remove the installed app, which another team has signed, and run again."
	}
	return "Check the .ipa: it must be a device build, signed for this phone."
}

// lost reports whether err means that the way to the phone broke, as opposed to the phone having said no. What the
// phone itself refused will be refused again.
func lost(err error) bool {
	var status afc.Status
	var refused *install.Refused
	var damaged *install.Damaged
	var source *afc.SourceError
	var known *harness.Error
	switch {
	case err == nil, errors.As(err, &status), errors.As(err, &refused), errors.As(err, &damaged), errors.As(err, &source),
		errors.As(err, &known):
		return false
	}
	return true
}

// errLost is the cause of an exit with the outcome device_lost.
type errLost struct {
	after string // for how long it was waited
	cause error
}

func (e *errLost) Error() string { return fmt.Sprintf("not back within %s: %v", e.after, e.cause) }
func (e *errLost) Unwrap() error { return e.cause }
