package bundle_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"log"

	"github.com/lilims/bench/virtualiphone/bundle"
)

// A program of this host becomes an app that a virtual iPhone installs, as a client sends it.
func ExamplePack() {
	var ipa bytes.Buffer
	app := bundle.App{Executable: "/bin/sh", Name: "Demo", BundleID: "com.example.demo", Version: "1.0.0", Configuration: "Release"}
	if err := bundle.Pack(&ipa, app); err != nil {
		log.Panic(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(ipa.Bytes()), int64(ipa.Len()))
	if err != nil {
		log.Panic(err)
	}
	for _, f := range archive.File {
		fmt.Println(f.Name, f.Mode())
	}
	// Output:
	// Payload/Demo.app/Info.plist -rw-r--r--
	// Payload/Demo.app/Demo -rwxr-xr-x
}
