// Package virtualiphone is an iPhone made of software, to test programs that talk to iPhones. It speaks the wire of a
// tethered iPhone, from usbmuxd to the tunnel of iOS 17.4, so that go-ios, libimobiledevice and every other client work
// against it unchanged. In come hosts on a TCP or unix socket; behind it run phones whose apps are processes of this
// host, whose files are folders and whose battery is a stated model. Its codecs are its own, but for the library that
// reads property lists, so that it does not repeat its clients' mistakes. Its figures are never a phone's: it says so
// itself.
//
// # Use
//
// A [Lab] is one usbmuxd. Add phones of a [Profile] to it, serve it on a listener, and point the client there, most by
// USBMUXD_SOCKET_ADDRESS; the example below is a whole test. A phone can be plugged and unplugged ([Phone.Attach],
// [Phone.Detach]; every attach has a new DeviceID), locked, mistrusted ([Phone.SetTrust]), rebooted, made to fail
// ([Phone.SetFault]), put behind a slow cable ([Phone.SetLink]), warmed ([Phone.SetThermal]), emptied
// ([Phone.SetFreeDisk], [battery.Gauge.SetPercent]), and asked what it has really consumed ([Phone.Truth]), what runs on
// it ([Phone.Processes]) and what its apps have printed ([Phone.Log]).
//
// Beside this package: [github.com/lilims/bench/virtualiphone/battery] is the power model and the gauge that hosts read,
// [github.com/lilims/bench/virtualiphone/faults] what can go wrong on purpose,
// [github.com/lilims/bench/virtualiphone/control] all of it over HTTP, for scripts,
// [github.com/lilims/bench/virtualiphone/bundle] packs a program of this host as an .ipa that the phones install,
// [github.com/lilims/bench/virtualiphone/process] names what runs on a phone, and
// [github.com/lilims/bench/virtualiphone/phonetest] is the modern half of a phone in memory, for tests of one client.
//
// # How a host tells it from an iPhone
//
// By lockdown alone: GetValue with the Domain [LockdownDomain] answers {Kind: "virtual", ThermalState: "nominal", …}. A
// real phone answers MissingValue. Nothing else differs, so a client needs no second code path.
//
// # What an app sees
//
// HOME, CFFIXED_USER_HOME and the working folder are its container, TMPDIR is in it. VIRTUAL_IPHONE is 1.
// VIRTUAL_IPHONE_STATE is a file with a JSON object that is replaced when it changes:
// {"thermal":"nominal","battery_percent":80,"charging":false,"memory_bytes":6442450944,"limit_bytes":3250585600}.
package virtualiphone
