// Package appservice is the virtual iPhone's CoreDevice application service of iOS 17 and later: launch with standard
// output on a socket, list, signal, watch. RemoteXPC requests come in, answers and output bytes go out. It starts no
// process itself: the phone's process table does.
package appservice

import "github.com/lilims/bench/virtualiphone/process"

// Device is what the application service needs of the phone. It is safe for concurrent use.
type Device interface {
	Processes() process.Table
	// Apps lists the installed apps.
	Apps() []process.App
}
