package virtualiphone_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"

	"github.com/danielpaulus/go-ios/ios"

	"github.com/lilims/bench/virtualiphone"
	"github.com/lilims/bench/virtualiphone/battery"
	"github.com/lilims/bench/virtualiphone/faults"
)

// Any client of usbmuxd can be tested; here it is go-ios.
func Example() {
	dir, err := os.MkdirTemp("", "lab")
	check(err)
	defer os.RemoveAll(dir)
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir, Seed: 1})
	check(err)
	defer lab.Close()
	profile, err := virtualiphone.ProfileNamed("iPhone15")
	check(err)
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{})
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go lab.Serve(context.Background(), listener)
	os.Setenv("USBMUXD_SOCKET_ADDRESS", listener.Addr().String())

	device, err := ios.GetDevice(phone.UDID()) // the client under test
	check(err)
	values, err := ios.GetValues(device)
	check(err)
	fmt.Println(values.Value.ProductType, values.Value.ProductVersion)
	phone.Detach()
	left, err := ios.ListDevices()
	check(err)
	fmt.Println(len(left.DeviceList), "phones after the cable was pulled")
	// Output:
	// iPhone15,4 18.6
	// 0 phones after the cable was pulled
}

// check ends an example whose ground is missing; a test uses its testing.T.
func check(err error) {
	if err != nil {
		log.Panic(err)
	}
}

// What a phone does wrong, and how it fares, is a test's to say.
func ExamplePhone() {
	dir, err := os.MkdirTemp("", "lab")
	check(err)
	defer os.RemoveAll(dir)
	lab, err := virtualiphone.NewLab(virtualiphone.LabOptions{Dir: dir, Seed: 1})
	check(err)
	defer lab.Close()
	profile, err := virtualiphone.ProfileNamed("iPhone15Pro")
	check(err)
	profile, err = profile.WithOS("17.5.1")
	check(err)
	phone, err := lab.AddPhone(profile, virtualiphone.PhoneOptions{Name: "Lab 1"})
	check(err)

	check(phone.SetFault(faults.Fault{Service: "com.apple.afc", Kind: faults.Detach, AfterBytes: 1 << 20, Times: 1}))
	check(phone.Gauge().SetPercent(12))
	phone.SetThermal(battery.ThermalSerious)
	phone.SetLocked(true)
	fmt.Printf("%s: iOS %s, %s, %.0f %%, locked: %v, faults: %d\n",
		phone.Name(), phone.OSVersion(), phone.Thermal(), phone.Truth().Percent, phone.Locked(), len(phone.Faults().List()))
	// Output: Lab 1: iOS 17.5.1, serious, 12 %, locked: true, faults: 1
}
